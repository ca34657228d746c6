/** The needles of one search, looked for in one pass over a text. */
import type { TextReader } from "postern/mail";

export class Needles implements TextReader {
  readonly found = new Set<string>();
  readonly #open: Set<string>;
  readonly #overlap: number;

  constructor(needles: readonly string[]) {
    this.#open = new Set(needles);
    this.#overlap = needles.reduce((most, needle) => Math.max(most, needle.length - 1), 0);
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  look(folded: string): string {
    for (const needle of this.#open) {
      if (!folded.includes(needle)) continue;
      this.found.add(needle);
      this.#open.delete(needle);
    }
    return this.#overlap === 0 ? "" : folded.slice(-this.#overlap);
  }
}
