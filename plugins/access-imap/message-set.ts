/** From a sequence set to the messages of the client's view. */
import type { View } from "./view.ts";
import type { SequenceSet } from "./wire/sequence-set.ts";
import { SyntaxFault } from "./wire/syntax-fault.ts";

/** Ascending sequence numbers. Throws `SyntaxFault` for numbers that no message has; UIDs without one are passed over. */
export function numbersOf(view: View, set: SequenceSet, isUid: boolean): number[] {
  const numbers: number[] = [];
  for (const [from, to] of rangesOf(view, set, isUid))
    for (let number = from; number <= to; number++) numbers.push(number);
  return numbers;
}

/** The same as ascending ranges. */
export function rangesOf(view: View, set: SequenceSet, isUid: boolean): [number, number][] {
  // RFC 5182 2.1: `$` means the same messages as number and as UID.
  if (set.isSaved) return view.saved.map((range) => numberRange(view, range)).filter(([from, to]) => from <= to);
  if (isUid) {
    // RFC 3501 6.4.8: a UID that does not exist is ignored without any error.
    return set
      .resolve(view.lastUid)
      .map((range) => numberRange(view, range))
      .filter(([from, to]) => from <= to);
  }
  // RFC 3501 9: a number of no message is an error.
  if (!set.isWithin(view.exists)) throw new SyntaxFault("Invalid message sequence number");
  if (view.exists === 0) return [];
  return set.resolve(view.exists).map(([from, to]): [number, number] => [from, to]);
}

/** Numbers of the messages in a range of UIDs; empty where there are none: then the first is the greater one. */
const numberRange = (view: View, [from, to]: readonly [number, number]): [number, number] => [
  view.numberFrom(from),
  Math.min(view.exists, view.numberFrom(to + 1) - 1),
];

/** UIDs of the set that the client knows. */
export function uidsOf(view: View, set: SequenceSet): number[] {
  return numbersOf(view, set, true).map((number) => view.entry(number).uid);
}
