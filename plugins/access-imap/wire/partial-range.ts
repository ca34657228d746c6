/** Ranges of results (RFC 9394 4): `1:100` counts from the first one, `-1:-100` from the last one. Used by SEARCH and FETCH. */
import type { CommandParser } from "./command-parser.ts";
import { SyntaxFault } from "./syntax-fault.ts";

export interface PartialRange {
  /** Least place first, from 1 on, whichever way round the client wrote it. */
  readonly from: number;
  readonly to: number;
  /** Places count backwards, from the last result. */
  readonly isFromEnd: boolean;
}

const maxPlace = 0xffffffff;

export function parsePartialRange(parser: CommandParser): PartialRange {
  const isFromEnd = parser.take("-");
  const first = place(parser);
  parser.expect(":");
  // RFC 9394 4: both ends count from the same side.
  if (isFromEnd) parser.expect("-");
  const second = place(parser);
  return { from: Math.min(first, second), to: Math.max(first, second), isFromEnd };
}

function place(parser: CommandParser): number {
  const number = parser.number();
  // RFC 9394 4: nz-number
  if (number === 0 || number > maxPlace) throw new SyntaxFault("Invalid range");
  return number;
}

/** As the client is told it: the ends in the order of their places. */
export const formatPartialRange = ({ from, to, isFromEnd }: PartialRange): string =>
  isFromEnd ? `-${from}:-${to}` : `${from}:${to}`;

/** Which of `count` results are meant, for `slice`: both 0-based, `end` is not in it. */
export function sliceOf({ from, to, isFromEnd }: PartialRange, count: number): { start: number; end: number } {
  if (isFromEnd) return { start: Math.max(0, count - to), end: Math.max(0, count - from + 1) };
  return { start: Math.min(from - 1, count), end: Math.min(to, count) };
}
