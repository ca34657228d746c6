/**
 * `postern queue ...`: what waits, and what to do with it; of a server that runs, or of the files of one that does not. An action on more
 * than one message asks first, unless `--yes` says that it was meant.
 */

import { createInterface } from "node:readline/promises";
import type { Acted, Action } from "../../control/request.ts";
import { tableHead, totals } from "../../control/table.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { safeText } from "../../mail/header.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ConfigOption, dataDirOf } from "../config.ts";
import { act, meantAnywhere, meantBy } from "../queue/acting.ts";
import { type FilterOptions, filterFrom } from "../queue/filter-options.ts";
import { printList } from "../queue/print-list.ts";
import { shownText } from "../queue/shown.ts";
import { type Slots, slotsOf } from "../queue/slots.ts";
import { type Terminal, written } from "../terminal.ts";

export interface ListOptions extends ConfigOption, FilterOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface ShowOptions extends ConfigOption {
  readonly json?: boolean;
  /** The message itself, and nothing else. */
  readonly content?: boolean;
}

export interface ActOptions extends ConfigOption, FilterOptions {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly quiet?: boolean;
  readonly reason?: string;
}

export async function listQueue(options: ListOptions, terminal: Terminal): Promise<void> {
  const filter = filterFrom([], options) ?? {};
  const form = options.json ? "json" : options.quiet ? "ids" : "table";
  const slots = await openSlots(options, terminal);
  const listed = await printList(slots, { filter, form, head: form === "table" ? tableHead : "" }, terminal);
  if (form !== "table" || listed === null) return;
  const { messages, sizeBytes } = listed;
  await written(terminal, messages === 0 ? "The queue is empty.\n" : totals(messages, sizeBytes));
}

export async function showMessage(id: string, options: ShowOptions, terminal: Terminal): Promise<void> {
  const slots = await openSlots(options, terminal);
  let isFound = false;
  for await (const { said } of slots.ask({ ask: "show", id, hasContent: options.content === true })) {
    if (said.is === "piece" && !(await written(terminal, said.piece))) return;
    if (said.is !== "shown") continue;
    isFound = true;
    if (options.json) await written(terminal, jsonLine(said.shown));
    else if (!options.content) await written(terminal, shownText(said.shown));
  }
  if (!isFound) throw new CommandError(`there is no message ${JSON.stringify(id)} in the queue`, exitCodes.dataError);
}

/** Exit code: 0 if all was done, 1 if a message was not there any more or would not. */
export async function actOnQueue(
  action: Action,
  ids: readonly string[],
  options: ActOptions,
  terminal: Terminal,
): Promise<0 | 1> {
  const filter = filterFrom(ids, options);
  if (filter === null && options.all !== true)
    throw usageError(`${action} what? Name ids, say which by a filter (--sender, --older, ...), or --all`);
  const slots = await openSlots(options, terminal);
  if (action === "flush" && filter === null) {
    for await (const _ of slots.ask({ ask: "flushAll" }));
    if (!options.quiet) terminal.out.write("everything that waits is tried now\n");
    return 0;
  }
  const areIdsAlone = ids.length > 0 && Object.keys(filter ?? {}).length === 1;
  const meant = areIdsAlone ? meantAnywhere(ids, slots) : await meantBy(action, filter ?? {}, slots);
  const count = meant.reduce((sum, some) => sum + some.ids.length, 0);
  if (count > 1 && options.yes !== true) await confirm(action, count, terminal);
  const left = new Set(meant.flatMap((some) => some.ids));
  const results = act(action, meant, slots, options.reason ?? null);
  return report(action, results, left, options.quiet === true, terminal);
}

async function confirm(action: Action, count: number, { in: input, err }: Terminal): Promise<void> {
  if (input.isTTY !== true) throw usageError(`${action} ${count} messages? Say --yes`);
  const lines = createInterface({ input, output: err });
  try {
    const said = await lines.question(`${action} ${count} messages? [y/N] `);
    if (!/^y(es)?$/i.test(said.trim())) throw new CommandError("nothing was done", exitCodes.usage);
  } finally {
    lines.close();
  }
}

const words: Readonly<Record<Action, string>> = {
  hold: "held",
  release: "released",
  flush: "tried now",
  requeue: "queued anew",
  delete: "deleted",
  bounce: "given back",
};

/** `left`: who is meant, and has not been told of. */
async function report(
  action: Action,
  results: AsyncIterable<Acted>,
  left: Set<string>,
  isQuiet: boolean,
  terminal: Terminal,
): Promise<0 | 1> {
  const { err } = terminal;
  let done = 0;
  let failed = 0;
  for await (const { id, at, reason } of results) {
    // Another slot may have it.
    if (at === "unknown" || !left.delete(id)) continue;
    if (at === "done") {
      done += 1;
      if (isQuiet) await written(terminal, `${id}\n`);
    } else {
      failed += 1;
      err.write(`${safeText(id)}: ${safeText(reason ?? "failed")}\n`);
    }
  }
  for (const id of left) err.write(`${safeText(id)}: no such message, or not any more\n`);
  if (!isQuiet) await written(terminal, `${done === 1 ? "1 message" : `${done} messages`} ${words[action]}\n`);
  return failed === 0 && left.size === 0 ? 0 : 1;
}

const openSlots = async (options: ConfigOption, terminal: Terminal): Promise<Slots> =>
  slotsOf(await dataDirOf(options, terminal), terminal);
