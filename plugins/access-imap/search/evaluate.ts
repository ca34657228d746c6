/**
 * Decides whether a message fits a search key, with no more reading than it takes: first by what the mailbox knows, then by what the
 * index knows, then by the header, then by the text. `null` means: not to be told from this much.
 */
import type { MessageGist, MessageOverview } from "postern/mail";
import { decodeEncodedWords, decodeRaw, foldText, parseDate } from "postern/mail";
import type { MessageEntry } from "postern/plugin";
import { foldedAddresses } from "./addresses.ts";
import type { DateOrder, EnvelopeField, SearchKey, SetKey, TextKey } from "./search-key.ts";

const dayMs = 86_400_000;

/** What is known of one message so far. */
export interface Candidate {
  readonly number: number;
  readonly entry: MessageEntry;
  readonly isRecent: boolean;
  /** Envelope and dates; `null` while nobody has looked. */
  readonly overview: MessageOverview | null;
  /** Object ids; `null` while nobody has looked. */
  readonly gist: MessageGist | null;
  /** An index says that the needle is nowhere in the message. */
  readonly isRuledOut: ((key: SearchKey) => boolean) | null;
  /** Folded values of a field, in order; `null` while the header has not been read. */
  readonly fieldValues: ((field: string) => readonly string[]) | null;
  /** Whether BODY or TEXT has the needle; `null` while the text has not been searched. */
  readonly hasText: ((key: TextKey) => boolean) | null;
}

/** What does not change from one message to the next. */
export interface Circumstances {
  /** Resolved sets: a search looks at each number many times. */
  isIn(key: SetKey, number: number): boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function judge(key: SearchKey, candidate: Candidate, given: Circumstances): boolean | null {
  const { entry } = candidate;
  switch (key.at) {
    case "all":
      return true;
    case "and": {
      let isOpen = false;
      for (const part of key.keys) {
        const verdict = judge(part, candidate, given);
        if (verdict === false) return false;
        if (verdict === null) isOpen = true;
      }
      return isOpen ? null : true;
    }
    case "or":
      return either(judge(key.keys[0], candidate, given), () => judge(key.keys[1], candidate, given));
    case "not": {
      const verdict = judge(key.key, candidate, given);
      return verdict === null ? null : !verdict;
    }
    // RFC 6203 3: more may fit than would without FUZZY, never less.
    case "fuzzy":
      return either(judge(key.exact, candidate, given), () => judge(key.loose, candidate, given));
    case "number":
    case "uid":
      return given.isIn(key as SetKey, candidate.number);
    case "flag":
      return hasFlag(entry, key.flag) === key.isSet;
    case "recent":
      return candidate.isRecent === key.isRecent;
    case "internalDate":
      return isInOrder(Math.floor(entry.internalDate / dayMs), key.order, key.day);
    case "saveDate":
      // RFC 8514 4.3: where nobody wrote it down, the internal date counts.
      return isInOrder(Math.floor((entry.saveDate ?? entry.internalDate) / dayMs), key.order, key.day);
    case "saveDateSupported":
      return entry.saveDate !== null;
    case "age": {
      const age = given.now - entry.internalDate;
      // RFC 5032 2: the interval itself belongs to both.
      return key.isOlder ? age >= key.seconds * 1000 : age <= key.seconds * 1000;
    }
    case "size":
      return key.isLarger ? entry.sizeBytes > key.octets : entry.sizeBytes < key.octets;
    case "modseq":
      // RFC 7162 3.1.5: equal or greater
      return entry.modseq >= key.least;
    case "sentDate":
      return candidate.overview === null ? null : isSent(candidate.overview.envelope.date, key.order, key.day);
    case "objectId":
      return candidate.gist === null ? null : candidate.gist[key.of] === key.id;
    case "envelope":
      return candidate.overview === null ? null : isInEnvelope(candidate.overview, key.field, key.needle);
    case "header":
      if (candidate.fieldValues) return candidate.fieldValues(key.field).some((value) => value.includes(key.needle));
      return key.needle !== "" && candidate.isRuledOut?.(key) === true ? false : null;
    case "body":
    case "text":
      // RFC 3501 6.4.4: every text has the empty string in it.
      if (key.needle === "") return true;
      if (candidate.hasText) return candidate.hasText(key as TextKey);
      return candidate.isRuledOut?.(key) === true ? false : null;
  }
}

function either(first: boolean | null, other: () => boolean | null): boolean | null {
  if (first === true) return true;
  const second = other();
  return second === true ? true : first === null || second === null ? null : false;
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

function isInEnvelope({ envelope }: MessageOverview, field: EnvelopeField, needle: string): boolean {
  const value = envelope[field];
  if (value === null) return false;
  if (needle === "") return true;
  if (typeof value !== "string") return foldedAddresses(value).includes(needle);
  return foldText(field === "subject" ? decodeEncodedWords(value) : decodeRaw(value)).includes(needle);
}
