/** Fields of the mailbox as they are written: each with room to grow, so that most changes move nothing behind them. */
import type { Flag } from "../../contracts/mailbox-store.ts";
import { STATUS, XSTATUS } from "./flags.ts";
import type { MboxBase, MetaKind } from "./meta-fields.ts";

/** What shall stand in the fields of a message. */
export interface WantedMeta {
  readonly uid: number;
  readonly flags: Iterable<Flag>;
  readonly isOld: boolean;
  readonly base: MboxBase | null;
  readonly isPseudo: boolean;
  readonly tag: string;
}

const letters = (of: Readonly<Record<string, Flag>>, flags: ReadonlySet<Flag>): string =>
  Object.entries(of)
    .filter(([, flag]) => flags.has(flag))
    .map(([letter]) => letter)
    .join("");

const ten = (value: number): string => String(value).padStart(10, "0");

/** The value of one field; `null`: it is not ours to write. */
export function metaValue(kind: MetaKind, wanted: WantedMeta): string | null {
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
      return [...flags].filter((flag) => !flag.startsWith("\\")).join(" ");
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

function* fieldsOf(wanted: WantedMeta): Generator<readonly [MetaKind, string]> {
  const kinds: MetaKind[] = ["uid", "status", "xstatus", "keywords"];
  if (wanted.base) kinds.unshift(wanted.isPseudo ? "pseudo" : "base");
  if (wanted.tag !== "") kinds.push("tag");
  for (const kind of kinds) yield [kind, metaValue(kind, wanted) ?? ""];
}

/** All fields of a message as they are written here, each with room to grow. */
export function formatMeta(wanted: WantedMeta, end = "\n"): string {
  let text = "";
  for (const [kind, value] of fieldsOf(wanted)) {
    const room = ROOM[kind] ?? 0;
    // Grown beyond its room: some more, so that the next word fits again.
    text += `${NAMES[kind]}: ${value.padEnd(value.length > room - 10 && room > 10 ? value.length + room : room)}${end}`;
  }
  return text;
}

/** Those that say something, without room: for files that are handed on. */
export function formatPlainMeta(wanted: WantedMeta): string {
  let text = "";
  for (const [kind, value] of fieldsOf(wanted)) if (value !== "") text += `${NAMES[kind]}: ${value}\n`;
  return text;
}

/** The same field with another value in exactly its place; `null` if it does not fit. */
export function refitField(field: string, kind: MetaKind, value: string): string | null {
  const ending = /\r?\n$/.exec(field)?.[0] ?? "";
  const colon = field.indexOf(":");
  const room = field.length - colon - 1 - ending.length;
  if (field.slice(colon + 1).trim() === value) return field;
  // A folded field becomes one line, which is as long.
  const text = value === "" ? "" : ` ${value}`;
  if (colon < 0 || text.length > room || NAMES[kind].length > colon) return null;
  return field.slice(0, colon + 1) + text.padEnd(room) + ending;
}
