/**
 * Decides whether a message fits a search key, with no more reading than it takes: first by what the mailbox knows, then
 * by the header, then by the text. `null` means: not to be told from this much.
 */
import { parseDate } from "postern/mail";
import type { MessageEntry } from "postern/plugin";
import type { DateOrder, SearchKey } from "./search-key.ts";

const dayMs = 86_400_000;

/** What is known of one message so far. */
export interface Candidate {
  readonly number: number;
  readonly entry: MessageEntry;
  readonly isRecent: boolean;
  /** Folded values of a field, in order; `null` while the header has not been read. */
  readonly fieldValues: ((field: string) => readonly string[]) | null;
  /** Raw value of the Date field. */
  readonly date: (() => string | null) | null;
  /** Whether BODY or TEXT has the needle; `null` while the text has not been searched. */
  readonly hasText: ((key: SearchKey) => boolean) | null;
}

/** Resolved sets: a search looks at each number many times. */
export type SetTest = (key: SearchKey & { at: "number" | "uid" }, value: number) => boolean;

export function judge(key: SearchKey, candidate: Candidate, isIn: SetTest): boolean | null {
  const { entry } = candidate;
  switch (key.at) {
    case "all":
      return true;
    case "and": {
      let isOpen = false;
      for (const part of key.keys) {
        const verdict = judge(part, candidate, isIn);
        if (verdict === false) return false;
        if (verdict === null) isOpen = true;
      }
      return isOpen ? null : true;
    }
    case "or": {
      const first = judge(key.keys[0], candidate, isIn);
      if (first === true) return true;
      const second = judge(key.keys[1], candidate, isIn);
      return second === true ? true : first === null || second === null ? null : false;
    }
    case "not": {
      const verdict = judge(key.key, candidate, isIn);
      return verdict === null ? null : !verdict;
    }
    case "number":
      return isIn(key as SearchKey & { at: "number" }, candidate.number);
    case "uid":
      return isIn(key as SearchKey & { at: "uid" }, entry.uid);
    case "flag":
      return hasFlag(entry, key.flag) === key.isSet;
    case "recent":
      return candidate.isRecent === key.isRecent;
    case "internalDate":
      return isInOrder(Math.floor(entry.internalDate / dayMs), key.order, key.day);
    case "size":
      return key.isLarger ? entry.sizeBytes > key.octets : entry.sizeBytes < key.octets;
    case "sentDate":
      return candidate.date === null ? null : isSent(candidate.date(), key.order, key.day);
    case "header":
      return candidate.fieldValues?.(key.field).some((value) => value.includes(key.needle)) ?? null;
    case "body":
    case "text":
      // RFC 3501 6.4.4: every text has the empty string in it.
      return key.needle === "" ? true : (candidate.hasText?.(key) ?? null);
  }
}

/** Keywords are compared without case (RFC 3501 2.3.2 leaves it open; clients differ). */
function hasFlag({ flags }: MessageEntry, flag: string): boolean {
  if (flags.has(flag)) return true;
  if (flag.startsWith("\\")) return false;
  const wanted = flag.toLowerCase();
  for (const other of flags) if (other.toLowerCase() === wanted) return true;
  return false;
}

function isInOrder(day: number, order: DateOrder, wanted: number): boolean {
  return order === "before" ? day < wanted : order === "on" ? day === wanted : day >= wanted;
}

/** RFC 3501 6.4.4: the date as written, time and zone apart. */
function isSent(value: string | null, order: DateOrder, wanted: number): boolean {
  const date = value === null ? null : parseDate(value);
  return date !== null && isInOrder(Math.floor(Date.UTC(date.year, date.month - 1, date.day) / dayMs), order, wanted);
}

/** BODY and TEXT keys anywhere in the tree. */
export function textKeysOf(key: SearchKey): (SearchKey & { at: "body" | "text" })[] {
  switch (key.at) {
    case "and":
    case "or":
      return key.keys.flatMap(textKeysOf);
    case "not":
      return textKeysOf(key.key);
    case "body":
    case "text":
      return [key as SearchKey & { at: "body" | "text" }];
    default:
      return [];
  }
}
