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
  readonly lines: readonly LogicalLine[];
  readonly mistakes: readonly TableMistake[];
}

export function logicalLines(text: string): LogicalLines {
  const lines: { line: number; text: string }[] = [];
  const mistakes: TableMistake[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const last = lines.at(-1);
    if (/^\s*(?:#|$)/.test(raw)) continue;
    if (!/^\s/.test(raw)) lines.push({ line: index + 1, text: raw });
    else if (last) last.text += raw;
    else
      mistakes.push({ line: index + 1, text: "begins with white space, but nothing stands before it; it is left out" });
  }
  const good = lines.filter(({ line, text }) => {
    // What was no UTF-8 has become U+FFFD: such a key or value would be another one than was meant.
    const isText = !text.includes("\uFFFD");
    if (!isText) mistakes.push({ line, text: "is no UTF-8; it is left out" });
    return isText;
  });
  return { lines: good.map(({ line, text }) => ({ line, text: text.trimEnd() })), mistakes };
}

/** Shortened for a message to people. */
export const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
