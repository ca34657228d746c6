/**
 * The text form of Postfix's look-up tables (postmap(1)): `key value` a line, a line that begins with white space goes on
 * with the one before, `#` begins a comment line. A bad line is reported with its number and left out; the others hold.
 */

export interface TableMistake {
  readonly line: number;
  readonly text: string;
}

export interface ParsedTable {
  /** Keys in lower case, as postmap folds them. */
  readonly entries: ReadonlyMap<string, string>;
  readonly mistakes: readonly TableMistake[];
}

export function parseTextTable(text: string): ParsedTable {
  const entries = new Map<string, string>();
  const mistakes: TableMistake[] = [];
  for (const { line, content } of logicalLines(text, mistakes)) {
    const pair = splitPair(content);
    if (!pair) mistakes.push({ line, text: `expected "key value", found ${JSON.stringify(content.slice(0, 80))}` });
    else if (entries.has(pair.key))
      mistakes.push({ line, text: `duplicate key ${JSON.stringify(pair.key)}: the first one counts` });
    else entries.set(pair.key, pair.value);
  }
  return { entries, mistakes };
}

function* logicalLines(text: string, mistakes: TableMistake[]): Generator<{ line: number; content: string }> {
  let begun: { line: number; content: string } | null = null;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(raw)) continue;
    if (!/^\s/.test(raw)) {
      if (begun) yield begun;
      begun = { line: index + 1, content: raw.trimEnd() };
    } else if (begun) begun.content += ` ${raw.trim()}`;
    else mistakes.push({ line: index + 1, text: "a continuation line, but nothing before it to go on with" });
  }
  if (begun) yield begun;
}

// A key with white space stands in double quotes: "john smith"@example.org
function splitPair(content: string): { key: string; value: string } | null {
  const match = /^((?:"(?:[^"\\]|\\.)*"|[^\s"])+)\s+(.+)$/s.exec(content);
  return match?.[1] && match[2] ? { key: match[1].toLowerCase(), value: match[2].trim() } : null;
}
