/**
 * Mailbox patterns of LIST and LSUB (RFC 3501 6.3.8): `*` matches anything, `%` anything but the separator. All places in the pattern
 * that a name may have come to are bits of a few words, so a name costs its length whatever the wildcards; nothing is tried twice.
 */

const separator = "/";

/** Patterns with more than this beside their wildcards match nothing: no mailbox name comes near. */
const maxLiterals = 2000;

export class MailboxPattern {
  readonly #matches: (name: string) => boolean;
  #matchesInbox: boolean | null = null;
  readonly #pattern: string;

  /** `pattern` as text, reference and all. */
  constructor(pattern: string) {
    // RFC 3501 5.1: INBOX in any case, also as the first level of a longer name.
    this.#pattern = pattern.replace(/^inbox(?=\/|$)/i, "INBOX");
    this.#matches = compile(this.#pattern);
  }

  get hasWildcards(): boolean {
    return /[*%]/.test(this.#pattern);
  }

  /** The one name that a pattern without wildcards matches. */
  get text(): string {
    return this.#pattern;
  }

  matches(name: string): boolean {
    if (name !== "INBOX") return this.#matches(name);
    // RFC 3501 6.3.8: INBOX is in the list if the pattern matches it in upper case; clients ask for `inbox` and `In%`, too.
    this.#matchesInbox ??= this.#matches(name) || compile(this.#pattern.toUpperCase())(name);
    return this.#matchesInbox;
  }
}

function compile(pattern: string): (name: string) => boolean {
  const literals = pattern.replace(/[*%]+/g, "");
  if (literals.length > maxLiterals) return () => false;
  if (literals === pattern) return (name) => name === pattern;
  const words = (literals.length >>> 5) + 1;
  const bits = () => new Uint32Array(words);
  const set = (mask: Uint32Array, at: number) => {
    mask[at >>> 5] = (mask[at >>> 5] ?? 0) | (1 << (at & 31));
  };
  /** Bit i: i characters of the pattern have been matched. A wildcard that stands behind them keeps a name there. */
  const atStar = bits();
  const atPercent = bits();
  const atCharacter = new Map<string, Uint32Array>();
  let at = 0;
  for (let index = 0; index < pattern.length; index++) {
    const symbol = pattern.charAt(index);
    if (symbol === "*") set(atStar, at);
    else if (symbol === "%") set(atPercent, at);
    else {
      const mask = atCharacter.get(symbol) ?? bits();
      atCharacter.set(symbol, mask);
      set(mask, at++);
    }
  }
  const state = bits();
  return (name) => {
    state.fill(0);
    state[0] = 1;
    for (let index = 0; index < name.length; index++) {
      const character = name.charAt(index);
      const mask = atCharacter.get(character);
      const isSeparator = character === separator;
      let carry = 0;
      for (let word = 0; word < words; word++) {
        const here = state[word] ?? 0;
        const step = mask === undefined ? 0 : here & (mask[word] ?? 0);
        const stay = here & ((atStar[word] ?? 0) | (isSeparator ? 0 : (atPercent[word] ?? 0)));
        state[word] = (step << 1) | carry | stay;
        carry = step >>> 31;
      }
    }
    return (((state[literals.length >>> 5] ?? 0) >>> (literals.length & 31)) & 1) === 1;
  };
}
