/**
 * Many patterns against one text. All of them run in one pass as an automaton, in time linear in the text; only what needs
 * look-around, back references or the like, and whose wider form matched, is tried again with a bound on its time.
 */
import { RE2JS, RE2JSException, RE2Set } from "re2js";
import { execBounded } from "./bounded-regexp.ts";
import { type Literals, literalsOf } from "./literals.ts";
import { type Backtracking, type Linear, printBacktracking, printLinear } from "./print.ts";
import type { Pattern } from "./syntax-tree.ts";

/** Each set is one automaton; its states are bounded by the engine. */
const PATTERNS_IN_A_SET = 200;
/** More are not compared each with each. */
const COMPARED_LITERALS = 500;

export interface CompiledPattern {
  readonly linear: (Linear & { readonly engine: RE2JS }) | null;
  /** Matches wherever a part of the text is matched. */
  readonly within: string | null;
  /** What stands in every match. */
  readonly literals: Literals | null;
  readonly backtracking: Backtracking | null;
}

/** Throws a `PatternError` for what neither engine takes. */
export function compile(pattern: Pattern): CompiledPattern {
  const linear = compileLinear(pattern);
  const backtracking = linear?.isExact ? null : printBacktracking(pattern);
  const literals = literalsOf(pattern.node);
  return { linear, literals, within: linear && printLinear(pattern, "dropped").text, backtracking };
}

function compileLinear(pattern: Pattern): CompiledPattern["linear"] {
  const linear = printLinear(pattern);
  const flags = pattern.isLongest ? RE2JS.LONGEST_MATCH : 0;
  try {
    return { ...linear, engine: RE2JS.compile(linear.text, flags) };
  } catch (cause) {
    // Too many repetitions, mostly: V8 takes more.
    if (cause instanceof RE2JSException) return null;
    throw cause;
  }
}

interface Together {
  readonly set: { match(text: string): number[] };
  /** Whom the set's numbers mean. */
  readonly members: readonly number[];
}

/** In small letters; `null`: not of ASCII. Several tables are asked about one message, one after the other. */
let lastText = "";
let lastSmall: string | null = "";
function asciiInSmall(text: string): string | null {
  if (text !== lastText) {
    lastSmall = Buffer.byteLength(text) === text.length ? text.toLowerCase() : null;
    lastText = text;
  }
  return lastSmall;
}

const NONE: Set<number> = new Set();

export class Matcher {
  readonly #patterns: readonly CompiledPattern[];
  readonly #sets: readonly Together[];
  /** Made when first asked for: most tables never are. */
  #within: readonly Together[] | null = null;
  readonly #isUncertain: boolean;
  /** One of them stands in whatever matches; `null`: nothing is certain. */
  readonly #literals: readonly string[] | null;

  constructor(patterns: readonly CompiledPattern[]) {
    this.#patterns = patterns;
    this.#isUncertain = patterns.some(({ within }) => within === null);
    this.#literals = allLiterals(patterns);
    const members = patterns.flatMap(({ linear }, index) => (linear ? [index] : []));
    this.#sets = [...chunks(members)].flatMap((chunk) => setsOf(patterns, chunk, textOf));
  }

  /** `false`: no part of the text matches any pattern. */
  mayMatchWithin(text: string): boolean {
    if (this.#isUncertain) return true;
    const small = this.#literals && asciiInSmall(text);
    if (this.#literals && small !== null && !includesAny(small, this.#literals)) return false;
    const members = this.#patterns.map((_, index) => index);
    this.#within ??= [...chunks(members)].flatMap((chunk) => setsOf(this.#patterns, chunk, withinOf));
    return this.#within.some(({ set }) => set.match(text).length > 0);
  }

  match(text: string): Match {
    let matched = NONE;
    for (const { set, members } of this.#sets) {
      for (const index of set.match(text)) {
        if (matched === NONE) matched = new Set();
        const member = members[index];
        if (member !== undefined) matched.add(member);
      }
    }
    return new Match(this.#patterns, matched, text);
  }
}

/** What a text matched, as far as it is asked for. */
export class Match {
  readonly #patterns: readonly CompiledPattern[];
  readonly #wide: ReadonlySet<number>;
  readonly #text: string;
  readonly #tried = new Map<number, RegExpExecArray | null>();

  constructor(patterns: readonly CompiledPattern[], wide: ReadonlySet<number>, text: string) {
    this.#patterns = patterns;
    this.#wide = wide;
    this.#text = text;
  }

  /** Throws if it took too long to find out. */
  has(index: number): boolean {
    const pattern = this.#patterns[index];
    if (!pattern || (pattern.linear && !this.#wide.has(index))) return false;
    return pattern.backtracking === null || this.#exec(index, pattern.backtracking) !== null;
  }

  /** What the author's groups took, from 1, of a pattern that matches. */
  groups(index: number): readonly (string | null | undefined)[] {
    const pattern = this.#patterns[index];
    if (!pattern) return [];
    if (pattern.backtracking) {
      const found = this.#exec(index, pattern.backtracking);
      return pattern.backtracking.groups.map((group) => found?.[group]);
    }
    const matcher = pattern.linear?.engine.matcher(this.#text);
    if (!matcher?.find()) return [];
    return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group));
  }

  #exec(index: number, { regExp }: Backtracking): RegExpExecArray | null {
    const known = this.#tried.get(index);
    if (known !== undefined) return known;
    const found = execBounded(regExp, this.#text);
    this.#tried.set(index, found);
    return found;
  }
}

/** Without those that have another one in them: where that is not, they are not either. */
function allLiterals(patterns: readonly CompiledPattern[]): readonly string[] | null {
  const all = new Set<string>();
  for (const { literals } of patterns) {
    if (literals === null) return null;
    for (const literal of literals) all.add(literal);
  }
  if (all.size > COMPARED_LITERALS) return [...all];
  const list = [...all];
  return list.filter((one) => !list.some((other) => other !== one && one.includes(other)));
}

function includesAny(text: string, literals: readonly string[]): boolean {
  for (const literal of literals) if (text.includes(literal)) return true;
  return false;
}

function* chunks(members: readonly number[]): Generator<readonly number[]> {
  for (let at = 0; at < members.length; at += PATTERNS_IN_A_SET) yield members.slice(at, at + PATTERNS_IN_A_SET);
}

type Notation = (pattern: CompiledPattern | undefined) => string;
const textOf: Notation = (pattern) => pattern?.linear?.text ?? "";
const withinOf: Notation = (pattern) => pattern?.within ?? "";

/** Sets that are too large for one automaton are halved. */
function setsOf(
  patterns: readonly CompiledPattern[],
  members: readonly number[],
  notation: Notation,
): readonly Together[] {
  const set = new RE2Set();
  try {
    for (const index of members) set.add(notation(patterns[index]));
    set.compile();
    return [{ set, members }];
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    if (members.length === 1) return [{ set: alone(notation(patterns[members[0] ?? 0])), members }];
    const half = members.length >> 1;
    return [members.slice(0, half), members.slice(half)].flatMap((part) => setsOf(patterns, part, notation));
  }
}

/** A pattern that is too large for a set by itself. */
function alone(pattern: string): Together["set"] {
  const engine = RE2JS.compile(pattern);
  return { match: (text) => (engine.test(text) ? [0] : []) };
}
