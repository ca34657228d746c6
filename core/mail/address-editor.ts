/**
 * Changes addresses in an address list (RFC 5322 3.4) and nothing else: display names, comments, encoded words, groups, folding
 * and white space stay octet by octet. Works on octet strings (latin1). A mailbox that is not understood stays as it is; so does a
 * whole field whose quotes, comments or brackets do not close. One pass, no recursion, never throws.
 */
import { type Token, tokensOf } from "./address-tokens.ts";

export interface AddressSpec {
  /** As written, without comments and white space; quotes stay. */
  readonly localPart: string;
  /** As written, an address literal with its brackets; `null`: there is none. */
  readonly domain: string | null;
}

/** What is to stand there instead; `null`: it stays. */
export type AddressEdit = (spec: AddressSpec) => string | null;

/** The list with what `edit` wants changed; the same string if nothing was. `value` is what stands behind the colon. */
export function editAddresses(value: string, edit: AddressEdit): string {
  const tokens = tokensOf(value);
  if (tokens === null) return value;
  let out = "";
  let written = 0;
  for (const span of specSpans(tokens)) {
    const changed = edit(span.spec);
    if (changed === null) continue;
    out += value.slice(written, span.start) + changed;
    // Comments within an address go behind it.
    for (const { kind, start, end } of span.inner) if (kind === "comment") out += ` ${value.slice(start, end)}`;
    written = span.end;
  }
  return written === 0 ? value : out + value.slice(written);
}

/** How many mailboxes there are, readable or not, groups' members among them. */
export function countMailboxes(value: string): number {
  const tokens = tokensOf(value);
  if (tokens === null) return 1;
  return segmentsOf(tokens).filter((segment) => segment.some(({ kind }) => kind !== "blank" && kind !== "comment"))
    .length;
}

interface Span {
  readonly spec: AddressSpec;
  readonly start: number;
  readonly end: number;
  readonly inner: readonly Token[];
}

function specSpans(tokens: readonly Token[]): readonly Span[] {
  return segmentsOf(tokens).flatMap((segment) => {
    const angle = segment.findIndex(({ text }) => text === "<");
    const span = angle < 0 ? readSpec(segment) : readAngle(segment, angle);
    return span === null ? [] : [span];
  });
}

/** What stands between commas and semicolons; the name of a group is no mailbox. */
function segmentsOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const segments: Token[][] = [];
  let segment: Token[] = [];
  let isAngled = false;
  for (const token of tokens) {
    if (token.text === "<") isAngled = true;
    else if (token.text === ">") isAngled = false;
    if (isAngled || (token.text !== "," && token.text !== ";" && token.text !== ":")) {
      segment.push(token);
      continue;
    }
    if (token.text !== ":") segments.push(segment);
    segment = [];
  }
  segments.push(segment);
  return segments;
}

/** `phrase <spec>`, with or without a route (RFC 5322 4.4), which stays. */
function readAngle(segment: readonly Token[], open: number): Span | null {
  const close = segment.findIndex(({ text }) => text === ">");
  const isLast = segment.slice(close + 1).every(isSpace);
  if (close < open || !isLast || segment.slice(open + 1, close).some(({ text }) => text === "<")) return null;
  const inside = segment.slice(open + 1, close);
  const first = inside.find((token) => !isSpace(token));
  if (first?.text !== "@") return readSpec(inside);
  const colon = inside.findIndex(({ text }) => text === ":");
  return colon < 0 ? null : readSpec(inside.slice(colon + 1));
}

const isSpace = ({ kind }: Token): boolean => kind === "blank" || kind === "comment";
const isWord = ({ kind }: Token): boolean => kind === "atom" || kind === "quoted";

/** local-part "@" domain, or a local part alone; comments and white space may stand between any two of their parts. */
function readSpec(tokens: readonly Token[]): Span | null {
  const solid = tokens.filter((token) => !isSpace(token));
  const first = solid[0];
  const last = solid.at(-1);
  if (!first || !last) return null;
  const at = solid.findIndex(({ text }) => text === "@");
  const localPart = dotted(at < 0 ? solid : solid.slice(0, at), isWord);
  if (localPart === null) return null;
  const domain = at < 0 ? null : readDomain(solid.slice(at + 1));
  if (at >= 0 && domain === null) return null;
  const inner = tokens.filter(({ start, end }) => start >= first.start && end <= last.end);
  return { spec: { localPart, domain }, start: first.start, end: last.end, inner };
}

function readDomain(tokens: readonly Token[]): string | null {
  const [only] = tokens;
  if (only?.kind === "literal") return tokens.length === 1 ? only.text : null;
  return dotted(tokens, ({ kind }) => kind === "atom");
}

/** Words with single dots between them, joined. */
function dotted(tokens: readonly Token[], isPart: (token: Token) => boolean): string | null {
  if (tokens.length % 2 === 0) return null;
  const isRight = tokens.every((token, at) => (at % 2 === 0 ? isPart(token) : token.text === "."));
  return isRight ? tokens.map(({ text }) => text).join("") : null;
}
