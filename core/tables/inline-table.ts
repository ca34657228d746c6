/**
 * `inline:{ key = value, { key = value, with commas } }`: a small table in the config itself (inline_table(5)). Of two items
 * with one key the last counts, as in Postfix. A mistake keeps it from opening.
 */
import type { Table } from "../contracts/tables.ts";
import { inBraces, splitItems } from "./braces.ts";
import { shapesOf } from "./key-shape.ts";
import { shown } from "./logical-lines.ts";

export async function openInlineTable(rest: string): Promise<Table> {
  const inside = inBraces(rest);
  if (inside === null || inside === "")
    throw new Error(`an inline: table stands in braces: inline:{ key = value }, not ${shown(rest)}`);
  const entries = new Map<string, string>();
  for (const item of splitItems(spacesAroundEquals(inside))) {
    const pair = /^([^=]*?)\s*=\s*(.*)$/s.exec(inBraces(item) ?? item);
    if (!pair?.[1] || !pair[2]) throw new Error(`an inline: table has items like key = value, not ${shown(item)}`);
    entries.set(pair[1].toLowerCase(), pair[2]);
  }
  const shapes = shapesOf(entries.keys());
  return {
    kind: "exact",
    keyShapes: () => shapes,
    values: async () => [...entries].map(([key, value]) => ({ at: key, value })),
    get: (key) => entries.get(key.toLowerCase()) ?? null,
  };
}

// Lenient: Postfix wants "key=value" outside of braces; blanks around the sign cannot mean anything else.
function spacesAroundEquals(inside: string): string {
  let depth = 0;
  return inside.replace(/[{}]|\s*=\s*/g, (found) => {
    if (found === "{") depth += 1;
    else if (found === "}") depth -= 1;
    else if (depth === 0) return "=";
    return found;
  });
}
