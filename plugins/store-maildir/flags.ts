/**
 * Flags and the letters that stand for them behind `:2,`: D F P R S T of the Maildir specification, and a to z for the
 * keywords of `dovecot-keywords`. Letters that nobody here knows are kept.
 */
import { type Flag, StoreError } from "postern/plugin";

const SYSTEM: Readonly<Record<string, Flag>> = {
  D: "\\Draft",
  F: "\\Flagged",
  R: "\\Answered",
  S: "\\Seen",
  T: "\\Deleted",
};
const LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries(SYSTEM).map(([letter, flag]) => [flag.toLowerCase(), letter]),
);

/** Keyword letters: `a` is line 0 of `dovecot-keywords`. */
export const MAX_KEYWORDS = 26;
export const keywordLetter = (index: number): string => String.fromCharCode(97 + index);
const keywordIndex = (letter: string): number => letter.charCodeAt(0) - 97;

/** RFC 3501 9: flag-keyword is an atom. */
const KEYWORD = /^[^\x00-\x20\x7f-\uffff(){%*"\\\]]{1,255}$/;

/** Flags as this store keeps them: system flags in the case of the RFC, `\Recent` left out, others checked. */
export function canonicalFlags(flags: readonly Flag[]): readonly Flag[] {
  const kept = new Set<Flag>();
  for (const flag of flags) {
    const letter = LETTERS.get(flag.toLowerCase());
    const system = letter === undefined ? undefined : SYSTEM[letter];
    if (system !== undefined) kept.add(system);
    else if (flag.startsWith("\\")) {
      if (flag.toLowerCase() !== "\\recent") throw new StoreError("cannot", "There is no such system flag");
    } else if (KEYWORD.test(flag)) kept.add(flag);
    else throw new StoreError("cannot", "This is no keyword");
  }
  return [...kept];
}

export const isKeyword = (flag: Flag): boolean => !flag.startsWith("\\");

/** Letters of one flag set, in ASCII order as the specification asks. Keywords without a letter are left out. */
export function lettersFor(flags: Iterable<Flag>, keywords: readonly (string | null)[], others = ""): string {
  const letters = new Set<string>();
  for (const flag of flags) {
    const system = LETTERS.get(flag.toLowerCase());
    if (system !== undefined) letters.add(system);
    else {
      const index = findKeyword(keywords, flag);
      if (index >= 0) letters.add(keywordLetter(index));
    }
  }
  for (const letter of others) letters.add(letter);
  return [...letters].sort().join("");
}

/** Keywords are compared without case. */
export function findKeyword(keywords: readonly (string | null)[], flag: Flag): number {
  const wanted = flag.toLowerCase();
  return keywords.findIndex((keyword) => keyword?.toLowerCase() === wanted);
}

export function flagsFor(letters: string, keywords: readonly (string | null)[]): ReadonlySet<Flag> {
  const flags = new Set<Flag>();
  for (const letter of letters) {
    if (letter === ",") break;
    const flag = SYSTEM[letter] ?? (letter >= "a" && letter <= "z" ? keywords[keywordIndex(letter)] : undefined);
    if (flag) flags.add(flag);
  }
  return flags;
}

/** Letters that stand for no flag we know (`P`, keywords without a name, what follows a second comma). */
export function otherLetters(letters: string, keywords: readonly (string | null)[]): string {
  const comma = letters.indexOf(",");
  const own = comma < 0 ? letters : letters.slice(0, comma);
  return [...own]
    .filter((letter) => !SYSTEM[letter] && !(letter >= "a" && letter <= "z" && keywords[keywordIndex(letter)]))
    .join("");
}

export function hasSameFlags(a: ReadonlySet<Flag>, b: ReadonlySet<Flag>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const flag of a) if (!b.has(flag)) return false;
  return true;
}
