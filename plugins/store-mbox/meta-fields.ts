/**
 * The header fields in which mbox programs keep what they know of a message: Status and X-Status (elm, mutt, UW), X-Keywords and X-UID
 * (UW, Dovecot), X-IMAPbase in the first message or X-IMAP in a message that is none (UW: "DON'T DELETE THIS MESSAGE"), Content-Length
 * and Lines. None of them is part of the message as it is fetched: they change, a message does not.
 */
import { type Flag, StoreError } from "postern/plugin";

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
export interface Base {
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
export interface Facts {
  readonly uid: number;
  readonly flags: readonly Flag[];
  /** `O`: a session has been told of it as recent. */
  readonly isOld: boolean;
  readonly base: Base | null;
  readonly isPseudo: boolean;
  readonly contentLength: number | null;
  /** Of the delivery that brought it. */
  readonly tag: string;
}

const STATUS: Readonly<Record<string, Flag>> = { R: "\\Seen" };
const XSTATUS: Readonly<Record<string, Flag>> = { A: "\\Answered", F: "\\Flagged", T: "\\Draft", D: "\\Deleted" };
/** RFC 3501 9: flag-keyword is an atom. */
const KEYWORD = /^[^\x00-\x20\x7f-\uffff(){%*"\\\]]{1,255}$/;
const SYSTEM: ReadonlyMap<string, Flag> = new Map(
  [...Object.values(STATUS), ...Object.values(XSTATUS)].map((flag) => [flag.toLowerCase(), flag]),
);
const MAX_UID = 4_294_967_295;
export const MAX_KEYWORDS = 256;

const isKeyword = (flag: Flag): boolean => !flag.startsWith("\\");

/** Flags as this store keeps them: system flags in the case of the RFC, `\Recent` left out, keywords in any case once, others refused. */
export function canonicalFlags(flags: readonly Flag[]): readonly Flag[] {
  const kept = new Map<string, Flag>();
  for (const flag of flags) {
    const folded = flag.toLowerCase();
    const system = SYSTEM.get(folded);
    if (system !== undefined) kept.set(folded, system);
    else if (flag.startsWith("\\")) {
      if (folded !== "\\recent") throw new StoreError("cannot", "There is no such system flag");
    } else if (!KEYWORD.test(flag)) throw new StoreError("cannot", "This is no keyword");
    else if (!kept.has(folded)) kept.set(folded, flag);
  }
  return [...kept.values()];
}

const number = (text: string): number => (/^\d{1,10}$/.test(text) ? Number(text) : 0);

function baseOf(value: string): Base | null {
  const [validity = "", last = "", ...keywords] = value.split(/[\s,]+/);
  const uidValidity = number(validity);
  if (uidValidity < 1 || uidValidity > MAX_UID || !/^\d{1,10}$/.test(last) || Number(last) >= MAX_UID) return null;
  return { uidValidity, lastUid: Number(last), keywords: keywords.filter((word) => KEYWORD.test(word)) };
}

const NO_FACTS: Facts = {
  ...{ uid: 0, flags: [], isOld: false, base: null },
  ...{ isPseudo: false, contentLength: null, tag: "" },
};

/** `fields` hold the whole text of each field; of several of one kind the first counts, as with Dovecot. */
export function factsOf(fields: readonly { readonly kind: MetaKind; readonly text: string }[]): Facts {
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
    if (!KEYWORD.test(word) || folded.has(word.toLowerCase()) || folded.size >= MAX_KEYWORDS) continue;
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

/** What shall stand in the fields of a message. */
export interface Wanted {
  readonly uid: number;
  readonly flags: Iterable<Flag>;
  readonly isOld: boolean;
  readonly base: Base | null;
  readonly isPseudo: boolean;
  readonly tag: string;
}

const letters = (of: Readonly<Record<string, Flag>>, flags: ReadonlySet<Flag>): string =>
  Object.entries(of)
    .filter(([, flag]) => flags.has(flag))
    .map(([letter]) => letter)
    .join("");

const ten = (value: number): string => String(value).padStart(10, "0");

/** The value of one field; `null`: this store does not write it. */
export function ownValue(kind: MetaKind, wanted: Wanted): string | null {
  const flags = new Set(wanted.flags);
  switch (kind) {
    case "base":
    case "pseudo": {
      const { base } = wanted;
      if (!base || (kind === "pseudo") !== wanted.isPseudo) return "";
      return [ten(base.uidValidity), ten(base.lastUid), ...base.keywords].join(" ");
    }
    case "uid":
      return wanted.uid > 0 ? String(wanted.uid) : "";
    case "status":
      return letters(STATUS, flags) + (wanted.isOld ? "O" : "");
    case "xstatus":
      return letters(XSTATUS, flags);
    case "keywords":
      return [...flags].filter(isKeyword).join(" ");
    case "tag":
      return wanted.tag;
    default:
      return null;
  }
}

const NAMES: Readonly<Record<MetaKind, string>> = {
  base: "X-IMAPbase",
  pseudo: "X-IMAP",
  uid: "X-UID",
  status: "Status",
  xstatus: "X-Status",
  keywords: "X-Keywords",
  length: "Content-Length",
  lines: "Lines",
  tag: "X-Postern-Id",
};
/** Room for what may come to stand there: then a change needs no byte behind it to move. */
const ROOM: Readonly<Partial<Record<MetaKind, number>>> = {
  base: 120,
  pseudo: 120,
  uid: 10,
  status: 2,
  xstatus: 4,
  keywords: 60,
};

/** All fields of a message as this store writes them, each with room to grow. */
export function formatFields(wanted: Wanted, end = "\n"): string {
  const kinds: MetaKind[] = ["uid", "status", "xstatus", "keywords"];
  if (wanted.base) kinds.unshift(wanted.isPseudo ? "pseudo" : "base");
  if (wanted.tag !== "") kinds.push("tag");
  return kinds
    .map((kind) => {
      const value = ownValue(kind, wanted) ?? "";
      const room = ROOM[kind] ?? 0;
      // Grown beyond its room: some more, so that the next word fits again.
      return `${NAMES[kind]}: ${value.padEnd(value.length > room - 10 && room > 10 ? value.length + room : room)}${end}`;
    })
    .join("");
}

/** The same field with another value in exactly its place; `null` if it does not fit. */
export function refit(field: string, kind: MetaKind, value: string): string | null {
  const ending = /\r?\n$/.exec(field)?.[0] ?? "";
  const colon = field.indexOf(":");
  const room = field.length - colon - 1 - ending.length;
  if (field.slice(colon + 1).trim() === value) return field;
  // A folded field becomes one line, which is as long.
  const text = value === "" ? "" : ` ${value}`;
  if (colon < 0 || text.length > room || NAMES[kind].length > colon) return null;
  return field.slice(0, colon + 1) + text.padEnd(room) + ending;
}
