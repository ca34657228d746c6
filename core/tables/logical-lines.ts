/**
 * Lines as Postfix reads them in every table: a line that begins with white space goes on with the one before, byte by byte;
 * empty lines and lines whose first visible character is `#` are passed over, also between a line and what goes on with it.
 */
import type { TableMistake } from "../contracts/tables.ts";

export interface LogicalLine {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly text: string;
}

export interface LogicalLines {
  /** To be gone through once. */
  readonly lines: Iterable<LogicalLine>;
  /** Grows while the lines are gone through; whoever reads them adds what it finds. */
  readonly mistakes: TableMistake[];
}

export function logicalLines(text: string): LogicalLines {
  const mistakes: TableMistake[] = [];
  return { lines: linesOf(text, mistakes), mistakes };
}

function* linesOf(text: string, mistakes: TableMistake[]): Generator<LogicalLine> {
  let begun: { readonly line: number; text: string } | null = null;
  for (let line = 1, start = 0; start <= text.length; line += 1) {
    const lf = text.indexOf("\n", start);
    const end = lf < 0 ? text.length : lf;
    const raw = text.slice(start, lf > start && text.charCodeAt(lf - 1) === CR ? lf - 1 : end);
    start = end + 1;
    const first = firstVisible(raw);
    if (first < 0 || raw[first] === "#") continue;
    if (first === 0) {
      if (begun && isText(begun, mistakes)) yield { line: begun.line, text: begun.text.trimEnd() };
      begun = { line, text: raw };
    } else if (begun) begun.text += raw;
    else mistakes.push({ line, text: "begins with white space, but nothing stands before it; it is left out" });
  }
  if (begun && isText(begun, mistakes)) yield { line: begun.line, text: begun.text.trimEnd() };
}

const CR = 0x0d;

/** -1: there is nothing to be seen. */
function firstVisible(raw: string): number {
  const code = raw.charCodeAt(0);
  return code > 0x20 && code < 0x7f ? 0 : raw.search(/\S/);
}

/** What was no UTF-8 has become U+FFFD: such a key or value would be another one than was meant. */
function isText({ line, text }: LogicalLine, mistakes: TableMistake[]): boolean {
  if (!text.includes("\uFFFD")) return true;
  mistakes.push({ line, text: "is no UTF-8; it is left out" });
  return false;
}

/** Shortened for a message to people. */
export const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
