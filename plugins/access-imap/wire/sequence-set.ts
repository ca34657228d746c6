/** Sequence sets (RFC 3501 9): `1:5,7,10:*`. Numbers or UIDs; what `*` stands for is known only by the mailbox. */
import { SyntaxFault } from "./syntax-fault.ts";

/** Stands for `*`: greater than any number. */
const star = Number.POSITIVE_INFINITY;
const highestNumber = 0xffffffff;

/** A range as sent: either end may be the greater one. */
type Range = readonly [number, number];

export class SequenceSet {
  readonly #ranges: readonly Range[];

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
  }

  /** `$`: what the last search saved (RFC 5182 2.1, RFC 9051 6.4.4.1). What that is, `rangesOf` knows. */
  static readonly saved = new SequenceSet([]);

  get isSaved(): boolean {
    return this === SequenceSet.saved;
  }

  static parse(text: string): SequenceSet {
    if (text === "$") return SequenceSet.saved;
    const ranges: Range[] = [];
    for (const piece of text.split(",")) {
      const match = /^([1-9]\d{0,9}|\*)(?::([1-9]\d{0,9}|\*))?$/.exec(piece);
      if (!match) throw new SyntaxFault("Invalid sequence set");
      const from = parseBound(match[1] ?? "");
      ranges.push([from, match[2] === undefined ? from : parseBound(match[2])]);
    }
    return new SequenceSet(ranges);
  }

  /**
   * Ascending ranges without overlaps, `*` replaced by `last`. RFC 3501 9: `*` is the greatest number in use, and
   * `559:*` always includes it, whatever is less than 559.
   */
  resolve(last: number): readonly Range[] {
    const bound = (value: number) => (value === star ? last : value);
    const sorted = this.#ranges
      .map(([a, b]): Range => [Math.min(bound(a), bound(b)), Math.max(bound(a), bound(b))])
      .filter(([, to]) => to > 0)
      .sort((a, b) => a[0] - b[0]);
    const merged: [number, number][] = [];
    for (const [from, to] of sorted) {
      const previous = merged[merged.length - 1];
      if (previous && from <= previous[1] + 1) previous[1] = Math.max(previous[1], to);
      else merged.push([Math.max(1, from), to]);
    }
    return merged;
  }

  /** Whether `*` stands in it. */
  get hasStar(): boolean {
    return this.#ranges.some(([a, b]) => a === star || b === star);
  }

  /** Whether every number is at most `last`. Lenient: `1:*` of nothing, which scripts over imaplib send before they know that a mailbox is empty. */
  isWithin(last: number): boolean {
    return this.#ranges.every(([a, b]) => {
      const limit = a === star || b === star ? Math.max(last, 1) : last;
      return (a === star || a <= limit) && (b === star || b <= limit);
    });
  }
}

function parseBound(text: string): number {
  if (text === "*") return star;
  const number = Number(text);
  if (number > highestNumber) throw new SyntaxFault("Invalid sequence set");
  return number;
}

/** Ascending numbers as a set: `1:3,7`. */
export function formatSet(numbers: Iterable<number>): string {
  const pieces: string[] = [];
  let from = 0;
  let to = -1;
  const flush = () => {
    if (to >= from) pieces.push(from === to ? `${from}` : `${from}:${to}`);
  };
  for (const number of numbers) {
    if (to >= from && number === to + 1) {
      to = number;
      continue;
    }
    flush();
    from = to = number;
  }
  flush();
  return pieces.join(",");
}
