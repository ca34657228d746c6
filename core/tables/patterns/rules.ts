/**
 * The lines of a pattern table (pcre_table(5), regexp_table(5)): `/pattern/flags result`, `!/pattern/flags result`, and blocks from
 * `if` to `endif`. A bad line is reported and left out; a block whose condition is bad is left out as a whole, for its rules were
 * never meant to stand alone.
 */
import type { TableMistake } from "../../contracts/tables.ts";
import { type LogicalLine, type LogicalLines, shown } from "../logical-lines.ts";
import type { Slices } from "../slices.ts";
import { parsePcre } from "./pcre-syntax.ts";
import { parsePosix } from "./posix-syntax.ts";
import { parseResult, type ResultText, usesGroups } from "./result-text.ts";
import { type Pattern, PatternError } from "./syntax-tree.ts";

export type PatternSyntax = "pcre" | "regexp";

interface RuleHead {
  readonly line: number;
  readonly pattern: Pattern;
  readonly isNegated: boolean;
}

/** Answers with `result`, or guards further rules. */
export type PatternRule =
  | (RuleHead & { readonly result: ResultText; readonly rules: null })
  | (RuleHead & { readonly result: null; readonly rules: readonly PatternRule[] });

export interface PatternRules {
  readonly rules: readonly PatternRule[];
  readonly mistakes: readonly TableMistake[];
}

interface Block {
  readonly head: RuleHead | null;
  readonly rules: PatternRule[];
}

export function* parseRules({ lines, mistakes }: LogicalLines, syntax: PatternSyntax): Slices<PatternRules> {
  const outermost: Block = { head: null, rules: [] };
  const open: Block[] = [outermost];
  const close = (block: Block) => {
    if (block.head) open.at(-1)?.rules.push({ ...block.head, result: null, rules: block.rules });
  };
  for (const line of lines) {
    yield;
    const note = (text: string) => mistakes.push({ line: line.line, text });
    try {
      const rules = open.at(-1)?.rules ?? outermost.rules;
      if (/^endif(?![A-Za-z0-9])/i.test(line.text)) {
        if (line.text.length > 5) note("there is text behind endif; it is passed over");
        const block = open.length > 1 ? open.pop() : undefined;
        if (block) close(block);
        else note("endif without its if; it is left out");
      } else if (/^if(?![A-Za-z0-9])/i.test(line.text)) {
        open.push({ head: headOf(line, syntax, note), rules: [] });
      } else rules.push(ruleOf(line, syntax, note));
    } catch (cause) {
      if (!(cause instanceof PatternError)) throw cause;
      note(`${cause.message}; ${shown(line.text)} is left out`);
    }
  }
  for (let block = open.pop(); block && block !== outermost; block = open.pop()) {
    mistakes.push({ line: block.head?.line ?? null, text: "if without its endif; it goes to the end" });
    close(block);
  }
  return { rules: outermost.rules, mistakes };
}

type Note = (text: string) => void;

/** `null`: the condition is bad, and so the block does not hold. */
function headOf({ line, text }: LogicalLine, syntax: PatternSyntax, note: Note): Block["head"] {
  try {
    const { pattern, isNegated, rest } = splitPattern(text.slice(2).trimStart(), syntax);
    if (rest !== "") note(`there is text behind the condition: ${shown(rest)}; it is passed over`);
    return { line, pattern, isNegated };
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    note(`${cause.message}; all from here to its endif is left out`);
    return null;
  }
}

function ruleOf({ line, text }: LogicalLine, syntax: PatternSyntax, note: Note): PatternRule {
  const { pattern, isNegated, rest } = splitPattern(text, syntax);
  const result = parseResult(rest, pattern.groups);
  if (isNegated && usesGroups(result)) throw new PatternError("what does not match has no groups for $1 and the like");
  if (rest === "") note("there is no result behind the pattern; it answers with an empty one");
  return { line, pattern, isNegated, result, rules: null };
}

function splitPattern(
  text: string,
  syntax: PatternSyntax,
): { readonly pattern: Pattern; readonly isNegated: boolean; readonly rest: string } {
  const marks = /^!*/.exec(text)?.[0].length ?? 0;
  const delimiter = text[marks] ?? "";
  if (delimiter === "" || /[\p{L}\p{N}\s\\]/u.test(delimiter))
    throw new PatternError("a pattern stands between two slashes");
  let end = marks + 1;
  while (end < text.length && text[end] !== delimiter) end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) throw new PatternError(`there is no ${delimiter} that ends the pattern`);
  const source = text.slice(marks + 1, end);
  const flags = /^\S*/.exec(text.slice(end + 1))?.[0] ?? "";
  return {
    pattern: (syntax === "pcre" ? pcre : posix)(source, flags),
    isNegated: marks % 2 === 1,
    rest: text.slice(end + 1 + flags.length).trim(),
  };
}

/** pcre_table(5): each flag turns its option over. */
function pcre(source: string, flags: string): Pattern {
  const isOn = toggles(flags, "imsxAEUX");
  return parsePcre(source, {
    ignoresCase: !isOn("i"),
    isMultiline: isOn("m"),
    dotTakesAll: !isOn("s"),
    isExtended: isOn("x"),
    isAnchored: isOn("A"),
    isUngreedy: isOn("U"),
  });
}

/** regexp_table(5): `i` and `x` are on. */
function posix(source: string, flags: string): Pattern {
  const isOn = toggles(flags, "imx");
  return parsePosix(source, { ignoresCase: !isOn("i"), isMultiline: isOn("m"), isExtended: !isOn("x") });
}

function toggles(flags: string, known: string): (flag: string) => boolean {
  for (const flag of flags) if (!known.includes(flag)) throw new PatternError(`there is no flag ${shown(flag)}`);
  return (flag) => [...flags].filter((one) => one === flag).length % 2 === 1;
}
