/**
 * The text form of Postfix's look-up tables (postmap(1)): `key value` a line; a key with white space stands in double quotes,
 * which are part of it. A bad line is reported with its number and left out; the others hold.
 */
import type { KeyShape, TableMistake } from "../contracts/tables.ts";
import { shapeOf } from "./key-shape.ts";
import { logicalLines, shown } from "./logical-lines.ts";
import { ROWS_A_SLICE, type Slices } from "./slices.ts";

export interface ParsedTable {
  /** Keys in lower case, as postmap folds them. */
  readonly entries: ReadonlyMap<string, string>;
  readonly shapes: ReadonlySet<KeyShape>;
  readonly mistakes: readonly TableMistake[];
}

export function* parseTextTable(text: string): Slices<ParsedTable> {
  const entries = new Map<string, string>();
  const shapes = new Set<KeyShape>();
  const { lines, mistakes } = logicalLines(text);
  let rows = 0;
  for (const { line, text: content } of lines) {
    const pair = splitPair(content);
    if (!pair) mistakes.push({ line, text: `expected "key value", found ${shown(content)}; it is left out` });
    else if (entries.has(pair.key))
      mistakes.push({ line, text: `the key ${shown(pair.key)} stands above already; the first one counts` });
    else {
      if (pair.key.endsWith(":"))
        mistakes.push({ line, text: `the key ${shown(pair.key)} ends in a colon; is this an alias file?` });
      entries.set(pair.key, pair.value);
      shapes.add(shapeOf(pair.key));
    }
    rows += 1;
    if (rows % ROWS_A_SLICE === 0) yield;
  }
  return { entries, shapes, mistakes: mistakes.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)) };
}

function splitPair(content: string): { key: string; value: string } | null {
  // Nearly all keys are one word without quotes: what ends it is white space then.
  const end = content.search(/[\s"\\]/);
  if (end < 0) return null;
  if (/\s/.test(content[end] ?? ""))
    return { key: content.slice(0, end).toLowerCase(), value: content.slice(end).trimStart() };
  const match = /^((?:"(?:[^"\\]|\\.)*"|\\.|[^\s"\\])+)\s+(\S.*)$/s.exec(content);
  return match?.[1] && match[2] ? { key: match[1].toLowerCase(), value: match[2] } : null;
}
