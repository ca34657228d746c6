/** Sort keys (RFC 5256 3, RFC 5957 3, RFC 6203 5) from the wire, and what a message is worth under each. */
import { casemap, compareCodePoints, type MessageOverview } from "postern/mail";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { firstDisplay, firstMailbox } from "./addresses.ts";
import { baseSubject } from "./base-subject.ts";
import type { Hit } from "./search.ts";

type By = "arrival" | "cc" | "date" | "from" | "size" | "subject" | "to" | "displayFrom" | "displayTo" | "relevancy";

export interface SortKey {
  readonly by: By;
  readonly isReverse: boolean;
}

const keys: ReadonlyMap<string, By> = new Map([
  ["ARRIVAL", "arrival"],
  ["CC", "cc"],
  ["DATE", "date"],
  ["FROM", "from"],
  ["SIZE", "size"],
  ["SUBJECT", "subject"],
  ["TO", "to"],
  ["DISPLAYFROM", "displayFrom"],
  ["DISPLAYTO", "displayTo"],
  ["RELEVANCY", "relevancy"],
]);
const maxKeys = 32;

/** `(REVERSE DATE SUBJECT)` */
export function parseSortKeys(parser: CommandParser): readonly SortKey[] {
  const sortKeys: SortKey[] = [];
  let isReverse = false;
  parser.list(() => {
    const word = parser.atom().toUpperCase();
    if (word === "REVERSE" && !isReverse) {
      isReverse = true;
      return;
    }
    const by = keys.get(word);
    if (by === undefined || sortKeys.length === maxKeys) throw new SyntaxFault("Invalid sort key");
    sortKeys.push({ by, isReverse });
    isReverse = false;
  });
  if (sortKeys.length === 0 || isReverse) throw new SyntaxFault("Expected a sort key");
  return sortKeys;
}

/** Whether messages must be looked into. */
export const needsOverview = (sortKeys: readonly SortKey[]): boolean =>
  sortKeys.some(({ by }) => by !== "arrival" && by !== "size" && by !== "relevancy");

export type SortValue = string | number;

/** `overview`: `null` where `needsOverview` says that none is needed. */
export function sortValue({ by }: SortKey, { entry, relevancy }: Hit, overview: MessageOverview | null): SortValue {
  switch (by) {
    case "arrival":
      return entry.internalDate;
    case "size":
      return entry.sizeBytes;
    case "relevancy":
      // RFC 6203 5: the most relevant first.
      return -relevancy;
    default:
      if (overview === null) throw new TypeError(`nothing is known to sort by ${by}`);
      return overviewValue(by, overview, entry.internalDate);
  }
}

function overviewValue(
  by: Exclude<By, "arrival" | "size" | "relevancy">,
  { envelope, sentDate }: MessageOverview,
  internalDate: number,
): SortValue {
  switch (by) {
    case "date":
      // RFC 5256 2.2: the internal date where there is no other.
      return sentDate ?? internalDate;
    case "subject":
      return casemap(baseSubject(envelope.subject).text);
    case "cc":
    case "from":
    case "to":
      return casemap(firstMailbox(envelope[by]));
    case "displayFrom":
      return casemap(firstDisplay(envelope.from));
    case "displayTo":
      return casemap(firstDisplay(envelope.to));
  }
}

/** RFC 5255 4.2: strings by i;unicode-casemap. */
export function compareValues(a: SortValue, b: SortValue): number {
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b);
  return Number(a) - Number(b);
}
