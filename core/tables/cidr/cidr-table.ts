/** `cidr:FILE`, and the same with rules in braces: the first network that has the client's address answers (cidr_table(5)). */
import type { Clock } from "../../contracts/clock.ts";
import type { Log } from "../../contracts/log.ts";
import type { Table, TableValue } from "../../contracts/tables.ts";
import { inBraces, splitItems } from "../braces.ts";
import { type LogicalLines, logicalLines, shown } from "../logical-lines.ts";
import { atOnce, type Slices } from "../slices.ts";
import { type Parsed, WatchedFile } from "../watched-file.ts";
import { type CidrRule, parseCidrRules } from "./cidr-rules.ts";
import { parseClient } from "./client-address.ts";
import { NetworkIndex } from "./network-index.ts";

export async function openCidrFile(path: string, parts: { readonly log: Log; readonly clock: Clock }): Promise<Table> {
  const file = await WatchedFile.open({ ...parts, path, parse: (text) => contentOf(logicalLines(text)) });
  return {
    kind: "network",
    get mistakes() {
      return file.mistakes;
    },
    values: async () => valuesOf((await file.current()).rules),
    get(key) {
      const content = file.current();
      return content instanceof Promise ? content.then(({ index }) => look(index, key)) : look(content.index, key);
    },
  };
}

/** `cidr:{ { 192.0.2.0/24 one }, { 2001:db8::/32 two } }`: a mistake keeps it from opening. */
export function openInlineCidr(rest: string): Table {
  const items = splitItems(inBraces(rest) ?? "").map((item) => inBraces(item));
  if (items.length === 0 || items.includes(null))
    throw new Error(`cidr: takes a file, or rules in braces: cidr:{ { 192.0.2.0/24 result } }, not ${shown(rest)}`);
  const lines = items.map((text, at) => ({ line: at + 1, text: text ?? "" }));
  const { content, mistakes } = atOnce(contentOf({ lines, mistakes: [] }));
  const [first] = mistakes;
  if (first) throw new Error(`rule ${first.line} of cidr: ${first.text}`);
  const { index, rules } = content;
  return { kind: "network", values: async () => valuesOf(rules), get: (key) => look(index, key) };
}

interface Content {
  readonly index: NetworkIndex;
  readonly rules: readonly CidrRule[];
}

function* contentOf(lines: LogicalLines): Slices<Parsed<Content>> {
  const { rules, mistakes } = yield* parseCidrRules(lines);
  return { content: { index: yield* NetworkIndex.of(rules), rules }, mistakes };
}

function look(index: NetworkIndex, key: string): string | null {
  const client = parseClient(key);
  return client && index.find(client);
}

const valuesOf = (rules: readonly CidrRule[]): readonly TableValue[] =>
  rules.flatMap(({ line, result, rules: inner }) =>
    result === null ? valuesOf(inner) : [{ at: `line ${line}`, value: result }],
  );
