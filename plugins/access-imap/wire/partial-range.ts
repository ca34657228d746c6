/** Ranges of results (RFC 9394 4): `1:100` counts from the first one, `-1:-100` from the last one. Used by SEARCH and FETCH. */
import type { CommandParser } from "./command-parser.ts";
import { SyntaxFault } from "./syntax-fault.ts";

export interface PartialRange {
  /** Least place first, from 1 on, whichever way round the client wrote it. */
  readonly from: number;
  readonly to: number;
  /** Places count backwards, from the last result. */
  readonly isFromEnd: boolean;
  /** As the client wrote it, for the answer. */
  readonly text: string;
}

const syntax = /^(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})$/;
const maxPlace = 0xffffffff;

export function parsePartialRange(parser: CommandParser): PartialRange {
  const text = parser.atom();
  const match = syntax.exec(text);
  const [, sign = "", a = "", otherSign = "", b = ""] = match ?? [];
  const [first, second] = [Number(a), Number(b)];
  // RFC 9394 4: both ends count from the same side.
  if (!match || sign !== otherSign || Math.max(first, second) > maxPlace)
    throw new SyntaxFault("Invalid range of results");
  return { from: Math.min(first, second), to: Math.max(first, second), isFromEnd: sign === "-", text };
}

/** Which of `count` results are meant, for `slice`: both 0-based, `end` is not in it. */
export function sliceOf({ from, to, isFromEnd }: PartialRange, count: number): { start: number; end: number } {
  if (isFromEnd) return { start: Math.max(0, count - to), end: Math.max(0, count - from + 1) };
  return { start: Math.min(from - 1, count), end: Math.min(to, count) };
}

/** The results that are meant. */
export function pick<T>(results: readonly T[], range: PartialRange): readonly T[] {
  const { start, end } = sliceOf(range, results.length);
  return results.slice(start, end);
}
