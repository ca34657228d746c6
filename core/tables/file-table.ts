/** `hash:FILE`: a text file held in memory, followed as it changes. Keys are compared without case. */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { KeyShape, Table } from "../contracts/tables.ts";
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
      return [...(await file.current()).entries].map(([key, value]) => ({ at: key, value }));
    },
    keyShapes() {
      const content = file.current();
      return content instanceof Promise ? null : content.shapes;
    },
    get(key) {
      const folded = key.toLowerCase();
      const content = file.current();
      return content instanceof Promise
        ? content.then(({ entries }) => entries.get(folded) ?? null)
        : (content.entries.get(folded) ?? null);
    },
  };
}

interface Content {
  readonly entries: ReadonlyMap<string, string>;
  readonly shapes: ReadonlySet<KeyShape>;
}

function* parse(text: string): Slices<Parsed<Content>> {
  const { entries, shapes, mistakes } = yield* parseTextTable(text);
  return { content: { entries, shapes }, mistakes };
}
