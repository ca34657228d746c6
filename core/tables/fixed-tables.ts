/** Tables that do not look: `static:value` answers every key alike, `fail:why` can never answer (for tests of what happens then). */
import type { Table } from "../contracts/tables.ts";
import { inBraces } from "./braces.ts";

export async function openStaticTable(rest: string): Promise<Table> {
  const value = inBraces(rest) ?? rest;
  return { kind: "exact", values: async () => [{ at: "*", value }], get: () => value };
}

export async function openFailingTable(rest: string): Promise<Table> {
  return {
    kind: "exact",
    get() {
      throw new Error(`the table fail:${rest} never answers`);
    },
  };
}
