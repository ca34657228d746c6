/** The patterns of one LIST (RFC 5258 3): a name matches if one of them does. Bounded in what a name costs. */
import { MailboxPattern } from "./pattern.ts";

/** Of those with wildcards, all together; those without cost nothing. */
const maxPatterns = 100;
const maxCharacters = 4000;

export class MailboxPatterns {
  readonly #names = new Set<string>();
  readonly #patterns: MailboxPattern[] = [];

  /** Patterns as text, reference and all. */
  constructor(patterns: Iterable<string>) {
    let characters = 0;
    for (const text of new Set(patterns)) {
      const pattern = new MailboxPattern(text);
      if (!pattern.hasWildcards) {
        this.#names.add(pattern.text);
        continue;
      }
      characters += text.length;
      // RFC 5258 3: a pattern that is not accepted is passed over in silence.
      if (this.#patterns.length < maxPatterns && characters <= maxCharacters) this.#patterns.push(pattern);
    }
  }

  matches(name: string): boolean {
    return this.#names.has(name) || this.#patterns.some((pattern) => pattern.matches(name));
  }
}
