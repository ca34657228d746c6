/**
 * The header fields in which mbox programs keep what they know of a message: Status and X-Status (elm, mutt, UW), X-Keywords and X-UID
 * (UW, Dovecot), X-IMAPbase in the first message or X-IMAP in a message that is none (UW: "DON'T DELETE THIS MESSAGE"), Content-Length
 * and Lines. None of them is part of the message as it is fetched: they change, a message does not.
 */
import type { Flag } from "../../contracts/mailbox-store.ts";
import { isKeyword, MAX_KEYWORDS, STATUS, XSTATUS } from "./flags.ts";

export type MetaKind = "base" | "pseudo" | "uid" | "status" | "xstatus" | "keywords" | "length" | "lines" | "tag";

const KINDS: ReadonlyMap<string, MetaKind> = new Map([
  ["x-imapbase", "base"],
  ["x-imap", "pseudo"],
  ["x-uid", "uid"],
  ["status", "status"],
  ["x-status", "xstatus"],
  ["x-keywords", "keywords"],
  ["content-length", "length"],
  ["lines", "lines"],
  ["x-postern-id", "tag"],
] as const);

/** No name of these is longer, with the colon behind it. */
export const MAX_META_NAME = 16;

/** Kind of the field that begins with this text; `null`: a field of the message itself. */
export function metaKind(start: string): MetaKind | null {
  const colon = start.indexOf(":");
  return colon < 0 || colon > MAX_META_NAME ? null : (KINDS.get(start.slice(0, colon).trimEnd().toLowerCase()) ?? null);
}

/** What stands in the first message for the whole mailbox. */
export interface MboxBase {
  readonly uidValidity: number;
  readonly lastUid: number;
  readonly keywords: readonly string[];
}

/** Where a field stands: from its name to behind its line end, relative to the From_ line. */
export interface MetaLine {
  readonly kind: MetaKind;
  readonly at: number;
  readonly length: number;
}

/** What the fields of one message say. */
export interface MetaFacts {
  readonly uid: number;
  readonly flags: readonly Flag[];
  /** `O`: a session has been told of it as recent. */
  readonly isOld: boolean;
  readonly base: MboxBase | null;
  readonly isPseudo: boolean;
  readonly contentLength: number | null;
  /** Of the delivery that brought it. */
  readonly tag: string;
}

const MAX_UID = 4_294_967_295;

const number = (text: string): number => (/^\d{1,10}$/.test(text) ? Number(text) : 0);

function baseOf(value: string): MboxBase | null {
  const [validity = "", last = "", ...keywords] = value.split(/[\s,]+/);
  const uidValidity = number(validity);
  if (uidValidity < 1 || uidValidity > MAX_UID || !/^\d{1,10}$/.test(last) || Number(last) >= MAX_UID) return null;
  return { uidValidity, lastUid: Number(last), keywords: keywords.filter(isKeyword) };
}

const NO_FACTS: MetaFacts = {
  ...{ uid: 0, flags: [], isOld: false, base: null },
  ...{ isPseudo: false, contentLength: null, tag: "" },
};

/** `fields` hold the whole text of each field; of several of one kind the first counts, as with Dovecot. */
export function factsOf(fields: readonly { readonly kind: MetaKind; readonly text: string }[]): MetaFacts {
  if (fields.length === 0) return NO_FACTS;
  const values = new Map<MetaKind, string>();
  for (const { kind, text } of fields) {
    const value = text.slice(text.indexOf(":") + 1).trim();
    if (!values.has(kind)) values.set(kind, value);
  }
  const get = (kind: MetaKind): string => values.get(kind) ?? "";
  const flags: Flag[] = [];
  for (const letter of get("status")) if (STATUS[letter]) flags.push(STATUS[letter]);
  for (const letter of get("xstatus")) if (XSTATUS[letter]) flags.push(XSTATUS[letter]);
  const folded = new Set<string>();
  for (const word of get("keywords").split(/[\s,]+/)) {
    if (!isKeyword(word) || folded.has(word.toLowerCase()) || folded.size >= MAX_KEYWORDS) continue;
    folded.add(word.toLowerCase());
    flags.push(word);
  }
  const length = get("length");
  return {
    uid: number(get("uid")) < MAX_UID ? number(get("uid")) : 0,
    flags: [...new Set(flags)],
    isOld: get("status").includes("O"),
    base: baseOf(get("pseudo") || get("base")),
    isPseudo: values.has("pseudo"),
    contentLength: /^\d{1,15}$/.test(length) ? Number(length) : null,
    tag: /^[\w-]{1,64}$/.test(get("tag")) ? get("tag") : "",
  };
}
