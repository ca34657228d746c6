/**
 * `aliases:FILE`: aliases(5) as sendmail and Postfix have it, without newaliases. `name: target, target` a line; names are compared without
 * case. A line that is none, and a target that is none, is reported with its number; a line with a bad target stays, so that whoever delivers
 * puts its mail off instead of taking the name for unknown.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table } from "../contracts/tables.ts";
import { parseAliasList } from "../mail/alias-list.ts";
import { logicalLines, shown } from "./logical-lines.ts";
import { ROWS_A_SLICE, type Slices } from "./slices.ts";
import { type Parsed, WatchedFile } from "./watched-file.ts";

export interface AliasLine {
  readonly line: number;
  readonly value: string;
}

type Aliases = ReadonlyMap<string, AliasLine>;

export async function openAliasFile(path: string, parts: { readonly log: Log; readonly clock: Clock }): Promise<Table> {
  const file = await WatchedFile.open({ ...parts, path, parse: parseAliases });
  return {
    kind: "exact",
    get mistakes() {
      return file.mistakes;
    },
    async values() {
      return [...(await file.current())].map(([key, { line, value }]) => ({ at: `line ${line} (${key})`, value }));
    },
    get(key) {
      const folded = key.toLowerCase();
      const aliases = file.current();
      return aliases instanceof Promise
        ? aliases.then((later) => later.get(folded)?.value ?? null)
        : (aliases.get(folded)?.value ?? null);
    },
  };
}

export function* parseAliases(text: string): Slices<Parsed<Aliases>> {
  const aliases = new Map<string, AliasLine>();
  const { lines, mistakes } = logicalLines(text);
  let rows = 0;
  for (const { line, text: content } of lines) {
    const pair = splitAlias(content);
    if (!pair) mistakes.push({ line, text: `expected "name: target", found ${shown(content)}; it is left out` });
    else if (aliases.has(pair.key))
      mistakes.push({ line, text: `the alias ${shown(pair.key)} stands above already; the first one counts` });
    else {
      for (const mistake of parseAliasList(pair.value).mistakes)
        mistakes.push({ line, text: `${pair.key}: a target ${mistake}; mail for this alias waits` });
      aliases.set(pair.key, { line, value: pair.value });
    }
    rows += 1;
    if (rows % ROWS_A_SLICE === 0) yield;
  }
  return { content: aliases, mistakes: mistakes.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)) };
}

/** A name with other than letters, digits and the usual marks stands in quotes; they are no part of it. */
function splitAlias(content: string): { key: string; value: string } | null {
  const [, quoted, plain, value = ""] = /^(?:"((?:[^"\\]|\\.)*)"|([^\s":,@]+))\s*:\s*(\S.*)$/s.exec(content) ?? [];
  const key = quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1");
  return key === undefined || key === "" || value === "" ? null : { key: key.toLowerCase(), value };
}
