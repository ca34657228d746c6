/**
 * What Courier keeps beside a mailbox, read once, when it has no `dovecot-uidlist` yet: UIDVALIDITY and UIDs (`courierimapuiddb`), POP3's
 * unique-ids (`courierpop3dsizelist`), keywords (`courierimapkeywords/`). Courier's files stay as they are; `postern-courier-imported` says
 * that they are history. Lines that make no sense are reported; their messages get new UIDs.
 */

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, ignoreMissing } from "postern/store";
import type { Damage } from "./damaged.ts";
import { baseOf, lettersOf } from "./file-name.ts";
import { findKeyword, keywordLetter, MAX_KEYWORDS } from "./flags.ts";
import type { Keywords } from "./keywords.ts";
import { MAX_UID, parseHeader, parseRecord, type UidRecord } from "./uidlist-format.ts";

const MARKER = "postern-courier-imported";
const UIDS = "courierimapuiddb";
const POP3 = "courierpop3dsizelist";
const KEYWORDS = "courierimapkeywords";

interface CourierUids {
  /** `null`: Courier's IMAP server was never asked for this mailbox. */
  readonly uidValidity: number | null;
  readonly nextUid: number;
  /** Ascending. */
  readonly records: readonly UidRecord[];
}

type Report = (damage: Damage) => void;

/** `null` where there is nothing of Courier's, or it has been imported before. */
export function courierUids(directory: string, report: Report): CourierUids | null {
  if (existsSync(join(directory, "dovecot-uidlist")) || existsSync(join(directory, MARKER))) return null;
  const [text, pop3] = [textIn(directory, UIDS), textIn(directory, POP3)];
  if (text === null && pop3 === null && !existsSync(join(directory, KEYWORDS))) return null;
  const listed = text === null ? null : parseUids(text, report);
  const ids = parseUniqueIds(pop3 ?? "", report);
  const byBase = new Map<string, UidRecord>();
  for (const record of listed?.records ?? []) {
    const id = ids.get(record.base);
    byBase.set(record.base, id ? { ...record, fields: `P${id === record.base ? "" : id}` } : record);
  }
  let nextUid = Math.max(listed?.nextUid ?? 1, ...[...byBase.values()].slice(-1).map(({ uid }) => uid + 1));
  // What POP3 has seen and IMAP not.
  for (const [base, id] of ids) {
    if (byBase.has(base) || nextUid >= MAX_UID) continue;
    byBase.set(base, { uid: nextUid++, base, fields: `P${id === base ? "" : id}` });
  }
  return { uidValidity: listed?.uidValidity ?? null, nextUid, records: [...byBase.values()] };
}

/** Call it when all of it is on disk. */
export const noteImported = (directory: string): void => writeFileSync(join(directory, MARKER), "", { mode: 0o600 });

function textIn(directory: string, name: string): string | null {
  try {
    return readFileSync(join(directory, name), "utf8");
  } catch (cause) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(cause))) return null;
    throw cause;
  }
}

/** `1 <uidvalidity> <next uid>`, then `<uid> <name>`. */
function parseUids(text: string, report: Report): (Omit<CourierUids, "uidValidity"> & { uidValidity: number }) | null {
  const [first = "", ...lines] = text.split("\n");
  const header = parseHeader(first);
  if (header?.version !== 1) {
    report({ file: UIDS, lines: [1] });
    return null;
  }
  const records: UidRecord[] = [];
  const bad: number[] = [];
  const bases = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const record = parseRecord(line, 1);
    if (record && record.uid > (records.at(-1)?.uid ?? 0) && !bases.has(record.base)) {
      records.push(record);
      bases.add(record.base);
    } else if (line !== "") bad.push(index + 2);
  }
  if (bad.length > 0) report({ file: UIDS, lines: bad });
  return { uidValidity: header.uidValidity, nextUid: header.nextUid, records };
}

/** `/2 <next> <uidvalidity>`, then `<name> <octets> <number>:<uidvalidity>`; in the oldest format there is no header, and only names count. */
function parseUniqueIds(text: string, report: Report): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const bad: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "" || (index === 0 && /^\/\d/.test(line))) continue;
    const [, name, , number, validity] = /^(\S+) (\d+)(?: (\d+)(?::(\d+))?)?(?: .*)?$/.exec(line) ?? [];
    if (name === undefined) {
      bad.push(index + 1);
      continue;
    }
    const base = baseOf(name.replace(/^(?:cur|new)\//, ""));
    const isNumbered = number !== undefined && Number(number) > 0;
    // As Courier's pop3d prints them.
    const id = isNumbered ? `UID${number}${Number(validity ?? 0) > 0 ? `-${validity}` : ""}` : nameAsId(base);
    if (/^[\x21-\x7e]{1,70}$/.test(id) || id === base) ids.set(base, id);
  }
  if (bad.length > 0) report({ file: POP3, lines: bad });
  return ids;
}

const nameAsId = (base: string): string =>
  base.replace(/[^\x21-\x7e]|['"+]/g, (character) =>
    [...Buffer.from(character)].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );

/** Keywords of messages, by base name: of the list, and of the files beside it, which are later. */
export function courierKeywords(directory: string, report: Report): ReadonlyMap<string, readonly string[]> {
  const place = join(directory, KEYWORDS);
  const found = new Map<string, readonly string[]>();
  const list = textIn(place, ":list");
  if (list !== null) parseKeywordList(list, found, report);
  const latest = new Map<string, number>();
  for (const name of namesIn(place)) {
    const [, number, numbered] = /^\.(\d{1,15})\.(.+)$/.exec(name) ?? [];
    const base = numbered ?? name;
    const rank = number === undefined ? Number.POSITIVE_INFINITY : Number(number);
    if (name === ":list" || rank < (latest.get(base) ?? 0)) continue;
    latest.set(base, rank);
    found.set(
      base,
      (textIn(place, name) ?? "").split("\n").filter((word) => word !== ""),
    );
  }
  return found;
}

/** Keywords, an empty line, then `<name>:<number> <number> ...`. */
function parseKeywordList(text: string, found: Map<string, readonly string[]>, report: Report): void {
  const lines = text.split("\n");
  const end = lines.indexOf("");
  const words = lines.slice(0, Math.max(end, 0));
  const bad: number[] = [];
  for (const [index, line] of lines.slice(end + 1).entries()) {
    const [, base, numbers] = /^(.+):([\d ]+)$/.exec(line) ?? [];
    const its = numbers?.split(" ").flatMap((number) => (number === "" ? [] : (words[Number(number)] ?? null)));
    if (base !== undefined && its?.every((word) => word !== null)) found.set(base, its);
    else if (line !== "") bad.push(end + index + 2);
  }
  if (bad.length > 0) report({ file: `${KEYWORDS}/:list`, lines: bad });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(cause))) return [];
    throw cause;
  }
}

/**
 * Under the lock of the mailbox: gives messages the letters of their keywords. May be done again after a crash. Answers the keywords for
 * which there was no letter left: those that the fewest messages have.
 */
export function takeKeywords(
  directory: string,
  keywords: Keywords,
  found: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const counts = new Map<string, number>();
  for (const word of [...found.values()].flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
  if (counts.size === 0) return [];
  keywords.refresh();
  const wanted = keywords.missing([...counts].sort(([, a], [, b]) => b - a).map(([word]) => word));
  const room = MAX_KEYWORDS - keywords.inUse.length;
  keywords.add(wanted.slice(0, room));
  for (const where of ["new", "cur"] as const) {
    for (const name of namesIn(join(directory, where))) {
      const words = found.get(baseOf(name)) ?? [];
      const letters = new Set(lettersOf(name));
      for (const word of words) {
        const index = findKeyword(keywords.names, word);
        if (index >= 0) letters.add(keywordLetter(index));
      }
      const target = `${baseOf(name)}:2,${[...letters].sort().join("")}`;
      if (words.length > 0 && letters.size > 0 && target !== name) {
        ignoreMissing(() => renameSync(join(directory, where, name), join(directory, "cur", target)));
      }
    }
  }
  return wanted.slice(room);
}

/** Names that Courier's clients are subscribed to, its prefix taken off: steps as they stand on disk, by dots. `null`: Courier was not here. */
export function courierSubscriptions(root: string): readonly string[] | null {
  const text = textIn(root, "courierimapsubscribed");
  if (text === null) return null;
  return text.split("\n").flatMap((line) => (line === "" ? [] : line.replace(/^INBOX\.(?=.)/i, "")));
}
