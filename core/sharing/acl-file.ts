/**
 * The text of `dovecot-acl`: a line for each, `[-]<subject> [<letters>] [:<words>]`, the subject in quotes where it has blanks. A line that
 * makes no sense is reported with its number; what that does to rights is `effectiveRights`'s to say.
 */
import type { AclChange, AclEntry, AclSubject } from "../contracts/sharing.ts";
import {
  formatRights,
  joinedRights,
  noRights,
  parseRights,
  type Right,
  type Rights,
  rightsWithout,
} from "../mail/acl-rights.ts";

export interface DamagedLine {
  readonly line: number;
  readonly why: string;
}

export interface AclFile {
  readonly entries: readonly AclEntry[];
  readonly damaged: readonly DamagedLine[];
}

export const emptyAcl: AclFile = { entries: [], damaged: [] };

/** Dovecot's long names. */
const words: ReadonlyMap<string, Right> = new Map([
  ["lookup", "l"],
  ["read", "r"],
  ["write-seen", "s"],
  ["write", "w"],
  ["insert", "i"],
  ["post", "p"],
  ["create", "k"],
  ["delete", "x"],
  ["write-deleted", "t"],
  ["expunge", "e"],
  ["admin", "a"],
]);
const maxSubjectLength = 512;
const maxEntries = 10_000;

/** In its one spelling; `null`: it is none. */
export function canonicalSubject(text: string): AclSubject | null {
  if (text === "anyone" || text === "anonymous") return "anyone";
  if (text === "authenticated" || text === "owner") return text;
  const isNamed = /^(?:user|group|group-override)=[^\p{Cc}\ufffd]+$/u.test(text);
  return isNamed && text.length <= maxSubjectLength ? text : null;
}

export function parseAcl(text: string): AclFile {
  const entries = new Map<string, AclEntry>();
  const damaged: DamagedLine[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trimEnd();
    if (line === "" || line.startsWith("#")) continue;
    const entry = parseLine(line);
    if (typeof entry === "string") damaged.push({ line: index + 1, why: entry });
    else {
      const key = keyOf(entry);
      const before = entries.get(key);
      entries.set(key, before ? { ...entry, rights: joinedRights(before.rights, entry.rights) } : entry);
    }
    if (entries.size + damaged.length > maxEntries) {
      damaged.push({ line: index + 1, why: "too many lines" });
      break;
    }
  }
  return { entries: [...entries.values()], damaged };
}

function parseLine(line: string): AclEntry | string {
  const quoted = /^"((?:[^"\\]|\\.)*)"(?:[ \t]+(.*))?$/.exec(line);
  const plain = line.startsWith('"') ? null : /^([^ \t]+)(?:[ \t]+(.*))?$/.exec(line);
  const found = quoted ?? plain;
  if (!found) return "quotes that are not closed";
  const whole = quoted ? (found[1] ?? "").replace(/\\(.)/g, "$1") : (found[1] ?? "");
  const isNegative = whole.startsWith("-");
  const subject = canonicalSubject(isNegative ? whole.slice(1) : whole);
  if (subject === null) return "nobody that rights could be about";
  const rights = parseNamedRights(found[2] ?? "");
  return rights === null ? "letters or words that are no rights" : { subject, isNegative, rights };
}

function parseNamedRights(text: string): Rights | null {
  const [, letters = "", named] = /^([^ \t:]*)[ \t]*(?::(.*))?$/.exec(text) ?? [null, "?"];
  const short = parseRights(letters);
  const long = (named ?? "").split(/[ ,\t]+/).filter((word) => word !== "");
  const known = long.map((word) => words.get(word));
  // Dovecot knows neither c nor d.
  if (short === null || /[cd]/.test(letters) || known.includes(undefined)) return null;
  return new Set([...short, ...known.flatMap((right) => right ?? [])]);
}

const keyOf = ({ subject, isNegative }: Pick<AclEntry, "subject" | "isNegative">): string =>
  `${isNegative ? "-" : ""}${subject}`;

function formatEntry(entry: AclEntry): string {
  const subject = keyOf(entry);
  const spelled = /[ \t"\\]/.test(subject) ? `"${subject.replace(/["\\']/g, "\\$&")}"` : subject;
  return `${spelled} ${formatRights(entry.rights)}\n`;
}

/** The text with one entry changed. Comments stay at the top. An entry with no rights stays where it means something: it takes away. */
export function changedAcl(text: string, change: AclChange): string {
  const entries = new Map(parseAcl(text).entries.map((entry) => [keyOf(entry), entry]));
  const held = entries.get(keyOf(change))?.rights ?? noRights;
  const rights =
    change.mode === "replace"
      ? change.rights
      : change.mode === "add"
        ? joinedRights(held, change.rights)
        : rightsWithout(held, change.rights);
  if (rights.size === 0 && change.isNegative) entries.delete(keyOf(change));
  else entries.set(keyOf(change), { subject: change.subject, isNegative: change.isNegative, rights });
  return formatAcl(text, [...entries.values()]);
}

export function withoutEntry(text: string, about: Pick<AclEntry, "subject" | "isNegative">): string {
  const { entries } = parseAcl(text);
  return formatAcl(
    text,
    entries.filter((entry) => keyOf(entry) !== keyOf(about)),
  );
}

function formatAcl(before: string, entries: readonly AclEntry[]): string {
  const comments = before.split("\n").filter((line) => line.startsWith("#"));
  return [...comments.map((line) => `${line}\n`), ...entries.map(formatEntry)].join("");
}
