/**
 * `pcre:FILE`, `regexp:FILE`, and the same with rules in braces: the first rule that fits the whole key answers. A key that cannot
 * be judged in time has no answer: `get` throws, and whoever asked puts the mail off.
 */
import type { Clock } from "../../contracts/clock.ts";
import type { Log } from "../../contracts/log.ts";
import type { Table, TableMistake, TableValue } from "../../contracts/tables.ts";
import { inBraces, splitItems } from "../braces.ts";
import { type LogicalLines, logicalLines, shown } from "../logical-lines.ts";
import { atOnce, type Slices } from "../slices.ts";
import { type Parsed, WatchedFile } from "../watched-file.ts";
import { type CompiledPattern, compile, type Match, Matcher } from "./matcher.ts";
import { fillIn, type ResultText, usesGroups } from "./result-text.ts";
import { type PatternRule, type PatternSyntax, parseRules } from "./rules.ts";
import { PatternError } from "./syntax-tree.ts";

type Step = { readonly line: number; readonly pattern: number; readonly isNegated: boolean } & (
  | { readonly result: ResultText; readonly steps: null }
  | { readonly result: null; readonly steps: readonly Step[] }
);

interface Program {
  readonly matcher: Matcher;
  readonly steps: readonly Step[];
  readonly isNegatedSomewhere: boolean;
}

export async function openPatternFile(
  syntax: PatternSyntax,
  path: string,
  parts: { readonly log: Log; readonly clock: Clock },
): Promise<Table> {
  const file = await WatchedFile.open({ ...parts, path, parse: (text) => programOf(logicalLines(text), syntax) });
  return {
    kind: "pattern",
    get mistakes() {
      return file.mistakes;
    },
    values: async () => valuesOf((await file.current()).steps),
    get(key) {
      const program = file.current();
      return program instanceof Promise ? program.then((later) => run(later, key)) : run(program, key);
    },
    mayAnswerWithin(text) {
      // Whoever comes while the file is looked at is judged by what was in force when it came.
      void file.current();
      return mayAnswerWithin(file.inForce, text);
    },
  };
}

/** `pcre:{ { /one/ two }, { /three/ four } }`: a mistake keeps it from opening. */
export function openInlinePatterns(syntax: PatternSyntax, rest: string): Table {
  const items = splitItems(inBraces(rest) ?? "").map((item) => inBraces(item));
  if (items.length === 0 || items.includes(null))
    throw new Error(
      `${syntax}: takes a file, or rules in braces: ${syntax}:{ { /pattern/ result } }, not ${shown(rest)}`,
    );
  const lines = items.map((text, index) => ({ line: index + 1, text: text ?? "" }));
  const { content, mistakes } = atOnce(programOf({ lines, mistakes: [] }, syntax));
  const [first] = mistakes;
  if (first) throw new Error(`rule ${first.line} of ${syntax}: ${first.text}`);
  return {
    kind: "pattern",
    values: async () => valuesOf(content.steps),
    get: (key) => run(content, key),
    mayAnswerWithin: (text) => mayAnswerWithin(content, text),
  };
}

function* programOf(lines: LogicalLines, syntax: PatternSyntax): Slices<Parsed<Program>> {
  const parsed = yield* parseRules(lines, syntax);
  const mistakes: TableMistake[] = [...parsed.mistakes];
  const patterns: CompiledPattern[] = [];
  function* stepsOf(rules: readonly PatternRule[]): Slices<readonly Step[]> {
    const steps: Step[] = [];
    for (const rule of rules) {
      yield;
      const pattern = compiled(rule);
      if (pattern === null) continue;
      const head = { line: rule.line, pattern: patterns.push(pattern) - 1, isNegated: rule.isNegated };
      if (rule.rules === null) steps.push({ ...head, result: rule.result, steps: null });
      else steps.push({ ...head, result: null, steps: yield* stepsOf(rule.rules) });
    }
    return steps;
  }
  const compiled = (rule: PatternRule): CompiledPattern | null => {
    try {
      return compile(rule.pattern);
    } catch (cause) {
      if (!(cause instanceof PatternError)) throw cause;
      mistakes.push({
        line: rule.line,
        text: `${cause.message}; it is left out${rule.rules === null ? "" : " to its endif"}`,
      });
      return null;
    }
  };
  const steps = yield* stepsOf(parsed.rules);
  mistakes.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
  return { content: { matcher: new Matcher(patterns), steps, isNegatedSomewhere: hasNegated(steps) }, mistakes };
}

/** One that begins with what a group took may be anything. */
function valuesOf(steps: readonly Step[]): readonly TableValue[] {
  return steps.flatMap(({ line, result, steps: inner }) => {
    if (result === null) return valuesOf(inner);
    if (typeof result[0] === "number") return [];
    return [{ at: `line ${line}`, value: result.map((piece) => (typeof piece === "number" ? "x" : piece)).join("") }];
  });
}

const run = ({ matcher, steps }: Program, key: string): string | null =>
  steps.length === 0 ? null : firstResult(steps, matcher.match(key));

/** A rule that answers for what does not match may answer for anything. */
const mayAnswerWithin = ({ matcher, steps, isNegatedSomewhere }: Program, text: string): boolean =>
  steps.length > 0 && (isNegatedSomewhere || matcher.mayMatchWithin(text));

const hasNegated = (steps: readonly Step[]): boolean =>
  steps.some(({ isNegated, steps: inner }) => isNegated || (inner !== null && hasNegated(inner)));

function firstResult(steps: readonly Step[], match: Match): string | null {
  for (const { pattern, isNegated, result, steps: inner } of steps) {
    if (match.has(pattern) === isNegated) continue;
    if (result !== null) return fillIn(result, usesGroups(result) ? match.groups(pattern) : []);
    const found = firstResult(inner, match);
    if (found !== null) return found;
  }
  return null;
}
