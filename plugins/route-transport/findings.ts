/** Entries of tables that are no routes, for `postern check`. */
import type { Finding, Table } from "postern/plugin";
import { parseEntry } from "./entry.ts";

/** More of the same helps nobody. */
const FINDINGS_LIMIT = 100;

export async function findings(
  tables: readonly Table[],
  specs: readonly string[],
  known: ReadonlySet<string>,
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const [index, table] of tables.entries()) {
    for (const { at, value } of (await table.values?.()) ?? []) {
      const entry = parseEntry(value, known);
      if (entry.at === "fault" && found.length < FINDINGS_LIMIT)
        found.push({ severity: "error", text: `${specs[index] ?? "maps"}: ${at}: ${entry.reason}` });
    }
  }
  return found;
}
