/**
 * The `Tables` service: opens `scheme:rest` by the scheme's registered opener. Built in are `hash:` (a text file in
 * Postfix's syntax; `texthash:` is the same) and `inline:`. Rejects with what is wrong and which schemes there are.
 */
import { resolve } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table, Tables } from "../contracts/tables.ts";
import { openFileTable } from "./file-table.ts";
import { openInlineTable } from "./inline-table.ts";

export function createTables({ configDir, log, clock }: { configDir: string; log: Log; clock: Clock }): Tables {
  const openFile = (rest: string) => openFileTable(resolve(configDir, rest), log, clock);
  const openers = new Map<string, (rest: string) => Promise<Table>>([
    ["hash", openFile],
    ["texthash", openFile],
    ["inline", openInlineTable],
  ]);
  return {
    async open(spec) {
      const match = /^([a-z][a-z0-9-]*):(.+)$/s.exec(spec);
      const opener = match && openers.get(match[1] ?? "");
      if (!match || !opener) {
        throw new Error(
          `no such table: ${JSON.stringify(spec)}; expected scheme:source, where scheme is one of ${[...openers.keys()].join(", ")}`,
        );
      }
      return opener(match[2] ?? "");
    },
    register(scheme, open) {
      if (openers.has(scheme)) throw new Error(`the table scheme ${scheme}: is provided twice`);
      openers.set(scheme, open);
    },
  };
}
