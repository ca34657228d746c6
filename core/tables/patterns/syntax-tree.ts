/** A regular expression as a tree, whatever notation it was written in (pcre: or regexp:). Flags are in it already. */

export type Range = readonly [from: number, to: number];

export type Node =
  | { readonly is: "char"; readonly code: number; readonly ignoresCase: boolean }
  /** `ignoresCase: null`: it has both cases of all its letters, or none of them. */
  | {
      readonly is: "set";
      readonly ranges: readonly Range[];
      readonly isNegated: boolean;
      readonly ignoresCase: boolean | null;
    }
  /** `\p{...}`, `\P{...}` as written. */
  | { readonly is: "property"; readonly text: string }
  | { readonly is: "start" | "end" | "lineStart" | "lineEnd" | "wordEdge" | "noWordEdge" }
  | { readonly is: "wordStart" | "wordEnd" }
  | { readonly is: "sequence"; readonly nodes: readonly Node[] }
  | { readonly is: "choice"; readonly nodes: readonly Node[] }
  /** `index`: its number among the author's groups; `null`: it does not capture. */
  | { readonly is: "group"; readonly index: number | null; readonly node: Node }
  | { readonly is: "atomic"; readonly node: Node }
  | { readonly is: "look"; readonly isBehind: boolean; readonly isNegated: boolean; readonly node: Node }
  | { readonly is: "reference"; readonly index: number; readonly ignoresCase: boolean }
  | {
      readonly is: "repeat";
      readonly node: Node;
      readonly least: number;
      /** `Infinity`: no bound. */
      readonly most: number;
      readonly isLazy: boolean;
    };

export interface Pattern {
  readonly node: Node;
  /** Capturing groups. */
  readonly groups: number;
  /** The longest match counts, not the first (POSIX). */
  readonly isLongest: boolean;
}

/** What is wrong with a pattern; its text goes to the author. */
export class PatternError extends Error {
  readonly code = "PATTERN";
}

export const MAX_CODE = 0x10ffff;

const posixClasses: Readonly<Record<string, readonly Range[]>> = {
  alnum: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  alpha: [
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  ascii: [[0, 0x7f]],
  blank: [
    [9, 9],
    [0x20, 0x20],
  ],
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: [[0x30, 0x39]],
  graph: [[0x21, 0x7e]],
  lower: [[0x61, 0x7a]],
  print: [[0x20, 0x7e]],
  punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  space: [
    [9, 13],
    [0x20, 0x20],
  ],
  upper: [[0x41, 0x5a]],
  word: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x5f, 0x5f],
    [0x61, 0x7a],
  ],
  xdigit: [
    [0x30, 0x39],
    [0x41, 0x46],
    [0x61, 0x66],
  ],
};

/** `[:alpha:]`: throws for a name that is none. */
export function posixClass(name: string): readonly Range[] {
  const ranges = Object.hasOwn(posixClasses, name) ? posixClasses[name] : undefined;
  if (!ranges) throw new PatternError(`there is no character class [:${name}:]`);
  return ranges;
}

const horizontal: readonly Range[] = [
  [9, 9],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];
const vertical: readonly Range[] = [
  [0x0a, 0x0d],
  [0x85, 0x85],
  [0x2028, 0x2029],
];

export interface Shorthand {
  readonly ranges: readonly Range[];
  readonly isNegated: boolean;
}

/** What `\d`, `\W`, `\h` ... stand for; `null` for other letters. */
export function shorthand(letter: string): Shorthand | null {
  const ranges = shorthands[letter === "N" ? letter : letter.toLowerCase()];
  return ranges ? { ranges, isNegated: letter !== letter.toLowerCase() } : null;
}

const shorthands: Readonly<Record<string, readonly Range[] | undefined>> = {
  d: posixClass("digit"),
  w: posixClass("word"),
  s: posixClass("space"),
  h: horizontal,
  v: vertical,
  N: [[0x0a, 0x0a]],
};

export const setOf = ({ ranges, isNegated }: Shorthand): Node => ({ is: "set", ranges, isNegated, ignoresCase: null });

/** As part of a larger set. Without the long s and the Kelvin sign: where case is ignored, they would bring s and k along. */
export const rangesOf = ({ ranges, isNegated }: Shorthand): readonly Range[] =>
  isNegated ? complement([...ranges, [0x17f, 0x17f], [0x212a, 0x212a]]) : ranges;

export function complement(ranges: readonly Range[]): readonly Range[] {
  const gaps: Range[] = [];
  let from = 0;
  for (const [start, end] of [...ranges].sort(([one], [other]) => one - other)) {
    if (start > from) gaps.push([from, start - 1]);
    from = Math.max(from, end + 1);
  }
  if (from <= MAX_CODE) gaps.push([from, MAX_CODE]);
  return gaps;
}

/** Any character, or any but a line feed. */
export const anyOf = (includesLineFeed: boolean): Node => ({
  is: "set",
  ranges: includesLineFeed ? [[0, MAX_CODE]] : [[0x0a, 0x0a]],
  isNegated: !includesLineFeed,
  ignoresCase: null,
});
