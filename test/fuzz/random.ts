/** Numbers that look random and are the same for the same seed: whatever a fuzzer finds can be had again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const at = this.below(list.length);
    if (at >= list.length) throw new Error("nothing to pick from");
    return list[at] as T;
  }

  /** The octets in one piece, in a few, or each by itself. */
  *cut(octets: Buffer): Generator<Buffer> {
    const manner = this.below(4);
    const most = manner === 0 ? octets.length : manner === 1 ? 1 : manner === 2 ? 20 : 2000;
    for (let at = 0; at < octets.length; ) {
      const end = Math.min(octets.length, at + 1 + this.below(Math.max(1, most)));
      // A copy: a scanner may move octets about in what it is given.
      yield Buffer.from(octets.subarray(at, end));
      at = end;
    }
  }
}

/** The seed of one input of a run. */
export const seedOf = (seed: number, index: number): number =>
  (Math.imul(seed ^ 0x9e3779b9, index * 2 + 1) + index) >>> 0;
