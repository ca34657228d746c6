/** Rights as words on the wire and in files (RFC 4314 2.1). */
/** RFC 4314 2.1 */
const rightLetters = "lrswipkxtea";
export type Right = "l" | "r" | "s" | "w" | "i" | "p" | "k" | "x" | "t" | "e" | "a";
export type Rights = ReadonlySet<Right>;

const letters: ReadonlySet<string> = new Set(rightLetters);
const isRight = (letter: string): letter is Right => letters.has(letter);

/** RFC 4314 2.1.1: what older clients mean by `c` and `d`. */
const obsolete: ReadonlyMap<string, readonly Right[]> = new Map([
  ["c", ["k", "x"]],
  ["d", ["e", "t"]],
]);

export const noRights: Rights = new Set();
export const allRights: Rights = new Set(rightLetters.split("") as Right[]);

/** `null`: there is a letter that means nothing here. */
export function parseRights(text: string): Rights | null {
  const rights = new Set<Right>();
  for (const letter of text) {
    const several = obsolete.get(letter);
    if (isRight(letter)) rights.add(letter);
    else if (several) for (const right of several) rights.add(right);
    else return null;
  }
  return rights;
}

/** In the order of the RFC; for files. */
export const formatRights = (rights: Rights): string =>
  rightLetters
    .split("")
    .filter((letter) => isRight(letter) && rights.has(letter))
    .join("");

/** RFC 4314 2.1.1: with the obsolete letters for older clients, where any of their rights is there. */
export const formatWithObsolete = (rights: Rights): string =>
  formatRights(rights) +
  [...obsolete].flatMap(([letter, several]) => (several.some((right) => rights.has(right)) ? [letter] : [])).join("");

export const joinedRights = (...several: readonly Rights[]): Rights =>
  new Set(several.flatMap((rights) => [...rights]));

export const rightsWithout = (rights: Rights, taken: Rights): Rights =>
  new Set([...rights].filter((right) => !taken.has(right)));

export const rightsWithin = (rights: Rights, bound: Rights): Rights =>
  new Set([...rights].filter((right) => bound.has(right)));
