/**
 * `postern map ...`: asks tables as the server would. `query` answers as `postmap -q` does: the value, and 1 where there is none;
 * a table that cannot be read, or has no answer, is another exit code, so that no script takes it for "not found".
 */
import { createInterface } from "node:readline";
import { asStartError } from "../../app/start-error.ts";
import type { Log } from "../../contracts/log.ts";
import { type AddressOrder, type Table, type TableHit, Tables } from "../../contracts/tables.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { parseAddress } from "../../mail/address.ts";
import { createTables } from "../../tables/tables.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ConfigOption, configOf } from "../config.ts";
import { openOfflineKernel } from "../offline-kernel.ts";
import type { Terminal } from "../terminal.ts";

export interface QueryOptions extends ConfigOption {
  /** Ask as a plugin does: all keys in their order. */
  readonly as?: string;
}

const orders = ["virtual", "access", "transport", "host", "client"] as const;
type Order = (typeof orders)[number];

/** `key` is `-` for keys from standard input. */
export async function queryMap(spec: string, key: string, options: QueryOptions, terminal: Terminal): Promise<0 | 1> {
  const order = orderOf(options.as);
  return withTable(spec, options, terminal, async (tables, table) => {
    const ask = (asked: string) => (order === null ? get(table, asked) : find(tables, table, asked, order));
    if (key !== "-") {
      const hit = await ask(key);
      if (hit !== null) terminal.out.write(order === null ? `${hit.value}\n` : `${hit.key}\t${hit.value}\n`);
      return hit === null ? 1 : 0;
    }
    let isAnyFound = false;
    for await (const line of createInterface({ input: terminal.in, crlfDelay: Number.POSITIVE_INFINITY })) {
      const hit = await ask(line);
      if (hit === null) continue;
      isAnyFound = true;
      terminal.out.write(order === null ? `${line}\t${hit.value}\n` : `${line}\t${hit.key}\t${hit.value}\n`);
    }
    return isAnyFound ? 0 : 1;
  });
}

/** Lists what is wrong with a table's source: 1 if anything. */
export const checkMap = (spec: string, options: ConfigOption, terminal: Terminal): Promise<0 | 1> =>
  withTable(spec, options, terminal, async (tables, table) => {
    const opened = (await tables.mistakes()).filter((mistake) => isAbout(spec, mistake.spec));
    const own = opened.length > 0 ? opened : (table.mistakes ?? []).map((mistake) => ({ ...mistake, spec }));
    for (const mistake of own)
      terminal.out.write(`${mistake.spec}${mistake.line === null ? "" : `:${mistake.line}`}: ${mistake.text}\n`);
    return own.length > 0 ? 1 : 0;
  });

/** A table made of others has their mistakes. */
const isAbout = (spec: string, opened: string): boolean => spec.includes(opened);

async function withTable(
  spec: string,
  options: ConfigOption,
  terminal: Terminal,
  act: (tables: Tables, table: Table) => Promise<0 | 1>,
): Promise<0 | 1> {
  if (options.config === undefined) return onTable(createTables({ ...alone(terminal), clock: Date }), spec, act);
  const config = await configOf(options, terminal);
  const { kernel } = await openOfflineKernel(config);
  try {
    return await onTable(kernel.service(Tables), spec, act);
  } finally {
    await kernel.stop();
  }
}

async function onTable(
  tables: Tables,
  spec: string,
  act: (tables: Tables, table: Table) => Promise<0 | 1>,
): Promise<0 | 1> {
  try {
    return await act(tables, await tables.open(spec));
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError(asStartError(cause).message, exitCodes.unavailable, { cause });
  }
}

async function get(table: Table, key: string): Promise<TableHit | null> {
  const value = await table.get(key);
  return value === null ? null : { key, value, extension: "" };
}

async function find(tables: Tables, table: Table, key: string, order: Order): Promise<TableHit | null> {
  if (order === "host") return tables.findDomain([table], key);
  if (order === "client") return tables.findNetwork([table], key);
  const address = key === "" || key === "<>" ? null : parseAddress(key);
  if (address === null && key !== "" && key !== "<>")
    throw usageError(`"${key}" is no address, such as ann@example.org`);
  return tables.findAddress([table], address, order satisfies AddressOrder);
}

function orderOf(name: string | undefined): Order | null {
  if (name === undefined) return null;
  const order = orders.find((one) => one === name);
  if (!order) throw usageError(`--as is one of ${orders.join(", ")}`);
  return order;
}

/** Without a config: files stand in this directory, and of their mistakes the person is told. */
function alone({ cwd, err }: Terminal): { configDir: string; log: Log } {
  const tell = (_: object, text: string) => void err.write(`postern: ${text}\n`);
  const log: Log = { debug() {}, info() {}, warn: tell, error: tell, child: () => log };
  return { configDir: cwd, log };
}
