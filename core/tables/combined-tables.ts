/**
 * Tables made of tables: `unionmap:{a, b}` asks all and joins what they say with commas; `pipemap:{a, b}` asks each for what the
 * one before said. Where one of them cannot answer, the whole cannot. One that looks for patterns or networks makes the whole
 * asked once, with the whole key.
 */
import type { Table } from "../contracts/tables.ts";
import { inBraces, splitItems } from "./braces.ts";
import { shown } from "./logical-lines.ts";

type Open = (spec: string) => Promise<Table>;
type Answer = string | null | Promise<string | null>;

export async function openUnion(rest: string, open: Open): Promise<Table> {
  const tables = await openMembers("unionmap", rest, open);
  return { kind: kindOf(tables), get: (key) => joined(tables.map((table) => table.get(key))) };
}

export async function openPipe(rest: string, open: Open): Promise<Table> {
  const tables = await openMembers("pipemap", rest, open);
  return { kind: kindOf(tables), get: (key) => through(tables, key) };
}

async function openMembers(scheme: string, rest: string, open: Open): Promise<readonly Table[]> {
  const inside = inBraces(rest);
  const specs = inside === null ? [] : splitItems(inside).map((item) => inBraces(item) ?? item);
  if (specs.length === 0)
    throw new Error(`${scheme}: takes tables in braces: ${scheme}:{hash:one, hash:two}, not ${shown(rest)}`);
  return Promise.all(specs.map(open));
}

function joined(answers: readonly Answer[]): Answer {
  if (answers.some((answer) => answer instanceof Promise)) return Promise.all(answers).then(joined);
  const values = answers.filter((answer) => answer !== null);
  return values.length === 0 ? null : values.join(",");
}

function through(tables: readonly Table[], key: string): Answer {
  let value = key;
  for (const [index, table] of tables.entries()) {
    const answer = table.get(value);
    if (answer instanceof Promise)
      return answer.then((later) => (later === null ? null : through(tables.slice(index + 1), later)));
    if (answer === null) return null;
    value = answer;
  }
  return value;
}

const kindOf = (tables: readonly Table[]): NonNullable<Table["kind"]> =>
  tables.map(({ kind }) => kind ?? "exact").find((kind) => kind !== "exact") ?? "exact";
