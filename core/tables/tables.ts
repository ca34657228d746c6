/**
 * The `Tables` service: opens `scheme:rest` by the scheme's registered opener. Built in are `hash:` (a text file in
 * Postfix's syntax; `texthash:` is the same) and `inline:`. Rejects with what is wrong and which schemes there are.
 */
import { resolve } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table, Tables } from "../contracts/tables.ts";
import { addressKeys, domainKeys, type KeyRules, networkKeys } from "./address-keys.ts";
import { openFileTable } from "./file-table.ts";
import { find } from "./find.ts";
import { openInlineTable } from "./inline-table.ts";

export interface TablesParts {
  /** Relative paths are relative to it. */
  readonly configDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Domains for which a bare local part may stand as a key: `origin`, this host's name. */
  readonly localDomains?: readonly string[];
  readonly recipientDelimiter?: string;
}

export function createTables({
  configDir,
  log,
  clock,
  localDomains = [],
  recipientDelimiter = "+",
}: TablesParts): Tables {
  const local = new Set([...localDomains, "localhost"].map((domain) => domain.toLowerCase()));
  const rules: KeyRules = { recipientDelimiter, isLocal: (domain) => local.has(domain) };
  const openFile = (rest: string) => openFileTable(resolve(configDir, rest), log, clock);
  const openers = new Map<string, (rest: string) => Promise<Table>>([
    ["hash", openFile],
    ["texthash", openFile],
    ["inline", openInlineTable],
  ]);
  const tables: Tables = {
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
    openAll: (specs) => Promise.all(specs.map((spec) => tables.open(spec))),
    findAddress: (asked, address, order) => find(asked, addressKeys(address, order, rules)),
    findDomain: (asked, domain) => find(asked, domainKeys(domain)),
    findNetwork: (asked, address) => find(asked, networkKeys(address)),
    register(scheme, open) {
      if (openers.has(scheme)) throw new Error(`the table scheme ${scheme}: is provided twice`);
      openers.set(scheme, open);
    },
  };
  return tables;
}
