/**
 * The `Tables` service: opens `scheme:rest` by the scheme's opener, and asks tables in Postfix's orders of keys. A table of core's
 * own schemes that is opened twice is one table. Rejects with what is wrong and which schemes there are.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table, Tables } from "../contracts/tables.ts";
import { addressKeys, domainKeys, type KeyRules, networkKeys } from "./address-keys.ts";
import { find } from "./find.ts";
import { wantsOf } from "./key-shape.ts";
import { builtInSchemes, type OpenTable } from "./schemes.ts";

export interface TablesParts {
  /** Relative paths are relative to it. */
  readonly configDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Domains for which a bare local part may stand as a key: `origin`, this host's name. */
  readonly localDomains?: readonly string[];
  /** Each of its characters separates a local part from its extension. */
  readonly recipientDelimiter?: string;
}

export function createTables(parts: TablesParts): Tables {
  const { configDir, log, clock, localDomains = [], recipientDelimiter = "+" } = parts;
  const local = new Set([...localDomains, "localhost"].map((domain) => domain.toLowerCase()));
  const rules: KeyRules = { recipientDelimiter, isLocal: (domain) => local.has(domain) };
  const shared = new Map<string, Promise<Table>>();
  const open = async (spec: string): Promise<Table> => {
    const [, scheme = "", rest = ""] = /^([a-z][a-z0-9-]*):(.+)$/s.exec(spec) ?? [];
    const opener = openers.get(scheme);
    if (!opener)
      throw new Error(
        `no such table: ${JSON.stringify(spec)}; expected scheme:source, where scheme is one of ${[...openers.keys()].join(", ")}`,
      );
    return builtIn.has(scheme) ? openShared(shared, spec, () => opened(spec, opener(rest))) : opener(rest);
  };
  const openers = new Map<string, OpenTable>(builtInSchemes({ configDir, log, clock, open }));
  const builtIn: ReadonlySet<string> = new Set(openers.keys());
  return {
    open,
    openAll: (specs) => Promise.all(specs.map(open)),
    findAddress: (asked, address, order) => find(asked, addressKeys(address, order, rules, wantsOf(asked))),
    findDomain: (asked, domain) => find(asked, domainKeys(domain, wantsOf(asked))),
    findNetwork: (asked, address) => find(asked, networkKeys(address)),
    register(scheme, opener) {
      if (openers.has(scheme)) throw new Error(`the table scheme ${scheme}: is provided twice`);
      openers.set(scheme, opener);
    },
    async mistakes() {
      const opened = await Promise.all([...shared].map(async ([spec, table]) => ({ spec, table: await table })));
      const seen = new Set<Table>();
      return opened.flatMap(({ spec, table }) => {
        if (seen.has(table)) return [];
        seen.add(table);
        return (table.mistakes ?? []).map((mistake) => ({ ...mistake, spec }));
      });
    },
  };
}

/** The text is for the operator, who knows tables and no system calls. */
async function opened(spec: string, opening: Promise<Table>): Promise<Table> {
  try {
    return await opening;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && "path" in cause)) throw cause;
    const what = cause.code === "ENOENT" ? "does not exist" : `cannot be read (${String(cause.code)})`;
    throw new Error(`${spec}: ${String(cause.path)} ${what}`, { cause });
  }
}

/** One that did not open is forgotten, so that it can be tried again. */
function openShared(shared: Map<string, Promise<Table>>, spec: string, opener: () => Promise<Table>): Promise<Table> {
  const known = shared.get(spec);
  if (known) return known;
  const opening = opener();
  shared.set(spec, opening);
  opening.catch(() => shared.delete(spec));
  return opening;
}
