/** `hash:FILE`: a text file held in memory, followed as it changes. Keys are compared without case. */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table } from "../contracts/tables.ts";
import type { Slices } from "./slices.ts";
import { parseTextTable } from "./text-table.ts";
import { type Parsed, WatchedFile } from "./watched-file.ts";

export async function openFileTable(path: string, parts: { readonly log: Log; readonly clock: Clock }): Promise<Table> {
  const file = await WatchedFile.open({ ...parts, path, parse });
  return {
    kind: "exact",
    get mistakes() {
      return file.mistakes;
    },
    async values() {
      return [...(await file.current())].map(([key, value]) => ({ at: key, value }));
    },
    get(key) {
      const folded = key.toLowerCase();
      const entries = file.current();
      return entries instanceof Promise
        ? entries.then((later) => later.get(folded) ?? null)
        : (entries.get(folded) ?? null);
    },
  };
}

function* parse(text: string): Slices<Parsed<ReadonlyMap<string, string>>> {
  const { entries, mistakes } = yield* parseTextTable(text);
  return { content: entries, mistakes };
}
