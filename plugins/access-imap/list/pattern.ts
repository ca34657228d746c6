/** Mailbox patterns of LIST and LSUB (RFC 3501 6.3.8): `*` matches anything, `%` anything but the separator. */

const separator = "/";

/** Patterns longer than this match nothing: no mailbox name comes near. */
const maxPatternLength = 2000;

export class MailboxPattern {
  readonly #pattern: string;

  /** `pattern` as text, reference and all. */
  constructor(pattern: string) {
    // `**` means no more than `*`; runs of wildcards only cost time.
    this.#pattern = pattern
      .replace(/[*%]*\*[*%]*/g, "*")
      .replace(/%+/g, "%")
      .replace(/^inbox(?=\/|$)/i, "INBOX");
  }

  matches(name: string): boolean {
    // RFC 3501 5.1: INBOX is found in any case.
    return name === "INBOX" ? this.#matches("INBOX") || this.#matchesInbox() : this.#matches(name);
  }

  #matchesInbox(): boolean {
    const pattern = this.#pattern;
    if (!/^[inbox*%]+$/i.test(pattern)) return false;
    return new MailboxPattern(pattern.toUpperCase()).#matches("INBOX");
  }

  /** One row of the usual table at a time: no pattern takes more than length times length. */
  #matches(name: string): boolean {
    const pattern = this.#pattern;
    if (pattern.length > maxPatternLength) return false;
    // states[i]: the pattern up to i matches the name so far
    let states = new Uint8Array(pattern.length + 1);
    states[0] = 1;
    skipWildcards(pattern, states);
    for (const char of name.split("")) {
      const next = new Uint8Array(pattern.length + 1);
      for (let i = 0; i < pattern.length; i++) {
        if (states[i] !== 1) continue;
        const symbol = pattern.charAt(i);
        if (symbol === "*" || (symbol === "%" && char !== separator)) next[i] = 1;
        else if (symbol === char && symbol !== "%") next[i + 1] = 1;
      }
      skipWildcards(pattern, next);
      states = next;
    }
    return states[pattern.length] === 1;
  }
}

/** A wildcard may also stand for nothing. */
function skipWildcards(pattern: string, states: Uint8Array): void {
  for (let i = 0; i < pattern.length; i++)
    if (states[i] === 1 && (pattern.charAt(i) === "*" || pattern.charAt(i) === "%")) states[i + 1] = 1;
}
