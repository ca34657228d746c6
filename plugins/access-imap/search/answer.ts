/** How results are told: `SEARCH` (RFC 3501 7.2.5) or `ESEARCH` (RFC 4731 3.1, RFC 9051 7.3.4). */
import { formatString } from "../wire/format.ts";
import { type PartialRange, pick } from "../wire/partial-range.ts";
import { formatSet } from "../wire/sequence-set.ts";
import type { ReturnOptions } from "./return-options.ts";
import type { Hit } from "./search.ts";

/** What there is to tell. Hits in their order: that of the mailbox, or as they were sorted. */
export interface Found {
  readonly hits: readonly Hit[];
  readonly isUid: boolean;
  /** RFC 7162 3.1.5: the client asked for modification sequences. */
  readonly tellsModseq: boolean;
}

const numberOf = ({ number, entry }: Hit, isUid: boolean): number => (isUid ? entry.uid : number);

/** `* SEARCH 2 3 (MODSEQ 917)` */
export function plainAnswer(name: "SEARCH" | "SORT", { hits, isUid, tellsModseq }: Found): string {
  const pieces = [`* ${name}`];
  for (const hit of hits) pieces.push(`${numberOf(hit, isUid)}`);
  // RFC 7162 3.1.5: not where nothing was found.
  if (tellsModseq && hits.length > 0) pieces.push(`(MODSEQ ${highestModseq(hits)})`);
  return pieces.join(" ");
}

/** What ESEARCH is about, before what it tells. */
export const esearchHead = (tag: string, isUid: boolean): string =>
  `* ESEARCH (TAG ${formatString(tag)})${isUid ? " UID" : ""}`;

/** `null`: nothing was asked to be told (RFC 5182 2.2.4). */
export function extendedAnswer(tag: string, found: Found, options: ReturnOptions): string | null {
  const { hits, isUid } = found;
  const { min, max, all, count, partial } = options;
  if (!min && !max && !all && !count && partial === null) return null;
  const pieces: string[] = [];
  const shown = new Set<Hit>();
  const [first, last] = [hits[0], hits[hits.length - 1]];
  if (min && first) pieces.push(`MIN ${numberOf(first, isUid)}`) && shown.add(first);
  if (max && last) pieces.push(`MAX ${numberOf(last, isUid)}`) && shown.add(last);
  // RFC 4731 3.1: MIN, MAX and ALL are left out where nothing was found, COUNT is not.
  if (all && hits.length > 0) pieces.push(`ALL ${setOf(hits, isUid)}`);
  if (count) pieces.push(`COUNT ${hits.length}`);
  if (partial) {
    const page = pick(hits, partial);
    for (const hit of page) shown.add(hit);
    // RFC 9394 3.1: NIL where the whole range is beyond the results.
    pieces.push(`PARTIAL (${partial.text} ${page.length === 0 ? "NIL" : setOf(page, isUid)})`);
  }
  if (options.relevancy) {
    // RFC 6203 4: of the messages told by ALL or PARTIAL, in the same order.
    const rated = partial ? pick(hits, partial) : all ? hits : [];
    if (rated.length > 0) pieces.push(`RELEVANCY (${rated.map(({ relevancy }) => relevancy).join(" ")})`);
  }
  if (found.tellsModseq && hits.length > 0) {
    // RFC 7162 3.1.5: of what is told, where that is not everything.
    const told = all || count || shown.size === 0 ? hits : [...shown];
    pieces.push(`MODSEQ ${highestModseq(told)}`);
  }
  return [esearchHead(tag, isUid), ...pieces].join(" ");
}

/** Sequence sets keep the order of sorted results (RFC 5267 3.1). */
const setOf = (hits: readonly Hit[], isUid: boolean): string => formatSet(hits.map((hit) => numberOf(hit, isUid)));

const highestModseq = (hits: Iterable<Hit>): number => {
  let highest = 0;
  for (const { entry } of hits) highest = Math.max(highest, entry.modseq);
  return highest;
};

/** RFC 5182 2.2.4, RFC 9394 3.2: what SAVE keeps. */
export function savedHits(hits: readonly Hit[], options: ReturnOptions): readonly Hit[] {
  const { min, max, all, count, partial } = options;
  if (all || count || (!min && !max && !partial)) return hits;
  const kept = new Set<Hit>(partial ? pick(hits, partial) : []);
  const [first, last] = [hits[0], hits[hits.length - 1]];
  if (min && first) kept.add(first);
  if (max && last) kept.add(last);
  return [...kept];
}

/** As ranges of UIDs, in which no other message can ever lie: neighbours in the view. */
export function asUidRanges(hits: readonly Hit[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  let before = 0;
  for (const { number, entry } of hits.toSorted((a, b) => a.number - b.number)) {
    const range = ranges[ranges.length - 1];
    if (range && number === before + 1) range[1] = entry.uid;
    else ranges.push([entry.uid, entry.uid]);
    before = number;
  }
  return ranges;
}

/** How far a search has to go before its answer is sure; hits are gathered in `hits`. */
export type Extent =
  | { readonly at: "everything" }
  /** So many from one end. */
  | { readonly at: "upTo"; readonly direction: "up" | "down"; readonly limit: number }
  /** The first and the last one. */
  | { readonly at: "ends" };

/** ADR 13, decision 7: stops as soon as the answer is sure. Only for results in the order of the mailbox. */
export function extentOf(options: ReturnOptions | null): Extent {
  if (options === null || options.all || options.count || options.update) return { at: "everything" };
  const { min, max, partial } = options;
  if (partial) return min || max ? { at: "everything" } : pageExtent(partial);
  if (min && max) return { at: "ends" };
  if (min) return { at: "upTo", direction: "up", limit: 1 };
  if (max) return { at: "upTo", direction: "down", limit: 1 };
  return { at: "everything" };
}

const pageExtent = ({ to: last, isFromEnd }: PartialRange): Extent => ({
  at: "upTo",
  direction: isFromEnd ? "down" : "up",
  limit: last,
});
