/** `inline:{ key = value, { key = value, with commas } }`: a small table in the config itself (inline_table(5)). */
import type { Table } from "../contracts/tables.ts";

export async function openInlineTable(rest: string): Promise<Table> {
  const inside = /^\{(.*)\}$/s.exec(rest.trim())?.[1];
  if (inside === undefined)
    throw new Error(`an inline: table stands in braces: inline:{ key = value }, not ${JSON.stringify(rest)}`);
  const entries = new Map<string, string>();
  for (const item of splitItems(inside)) {
    const pair = /^([^=]+?)\s*=\s*(.*)$/s.exec(item);
    if (!pair?.[1]) throw new Error(`an inline: table has items like key = value, not ${JSON.stringify(item)}`);
    entries.set(pair[1].toLowerCase(), pair[2] ?? "");
  }
  return { get: (key) => entries.get(key) ?? null };
}

function splitItems(inside: string): string[] {
  const items = inside.match(/\{[^{}]*\}|[^,{}]+/g) ?? [];
  return items.map((item) => item.replace(/^\{|\}$/g, "").trim()).filter((item) => item !== "");
}
