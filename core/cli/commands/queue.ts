/**
 * `postern queue ...`: what waits, and what to do with it; of a server that runs, or of the files of one that does not. An action on more
 * than one message asks first, unless `--yes` says that it was meant.
 */

import { createInterface } from "node:readline/promises";
import { exitCodes } from "../../app/start-error.ts";
import type { Log } from "../../contracts/log.ts";
import type { Acted, Action, ControlRequest, ListedMessage, QueueFilter } from "../../control/request.ts";
import { safeText } from "../../mail/header.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ConfigOption, dataDirOf } from "../config.ts";
import { type FilterOptions, filterFrom } from "../queue/filter-options.ts";
import { type Slots, slotsOf } from "../queue/slots.ts";
import { jsonLine, shownText, tableHead, tableRow, totals } from "../queue/table.ts";
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
  const slots = await openSlots(options, terminal);
  const out = writer(terminal);
  const limit = filter.limit ?? Number.POSITIVE_INFINITY;
  if (options.quiet && !options.json) await listIds(slots, filter, limit, out);
  else await listMessages(slots, filter, { limit, isJson: options.json === true }, out);
  await out.flush();
}

async function listIds(slots: Slots, filter: QueueFilter, limit: number, out: Writer): Promise<void> {
  let count = 0;
  for await (const said of slots.ask({ ask: "list", filter, areIdsEnough: true })) {
    if (said.is !== "ids") continue;
    const ids = said.ids.slice(0, limit - count);
    count += ids.length;
    if (!(await out.write(ids.map((id) => `${id}\n`).join(""))) || count >= limit) return;
  }
}

async function listMessages(
  slots: Slots,
  filter: QueueFilter,
  { limit, isJson }: { readonly limit: number; readonly isJson: boolean },
  out: Writer,
): Promise<void> {
  const nowMs = Date.now();
  let count = 0;
  let bytes = 0;
  for await (const said of slots.ask({ ask: "list", filter })) {
    if (said.is !== "messages" || said.messages.length === 0) continue;
    const handful = said.messages.slice(0, limit - count);
    const head = count === 0 && !isJson ? tableHead : "";
    count += handful.length;
    for (const { sizeBytes } of handful) bytes += sizeBytes;
    const lines = handful.map((message) => (isJson ? jsonLine(message) : tableRow(message, nowMs)));
    if (!(await out.write(head + lines.join(""))) || count >= limit) break;
  }
  if (!isJson) await out.write(count === 0 ? "The queue is empty.\n" : totals(count, bytes));
}

export async function showMessage(id: string, options: ShowOptions, terminal: Terminal): Promise<void> {
  const slots = await openSlots(options, terminal);
  let isFound = false;
  const out = writer(terminal);
  for await (const said of slots.ask({ ask: "show", id, hasContent: options.content === true })) {
    if (said.is === "content") {
      if (!(await out.write(Buffer.from(said.piece, "base64")))) return;
      continue;
    }
    if (said.is !== "shown") continue;
    isFound = true;
    if (options.json) await out.write(jsonLine(said.shown));
    else if (!options.content) await out.write(shownText(said.shown));
  }
  await out.flush();
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
  const meant = await meantBy(action, filter ?? {}, slots, ids);
  if (meant.length > 1 && options.yes !== true) await confirm(action, meant.length, terminal);
  const done = new Map<string, Acted>();
  for (let at = 0; at < meant.length; at += ACT_AT_ONCE) {
    const some = meant.slice(at, at + ACT_AT_ONCE);
    for await (const said of slots.ask({ ask: "act", action, ids: some, text: options.reason ?? null })) {
      if (said.is !== "acted") continue;
      const { acted } = said;
      // Each slot answers for all ids; the one that has the message has the last word.
      if (acted.at !== "unknown" || !done.has(acted.id)) done.set(acted.id, acted);
    }
  }
  return report(action, meant, done, options, terminal);
}

const ACT_AT_ONCE = 1_000;

async function meantBy(
  action: Action,
  filter: QueueFilter,
  slots: Slots,
  ids: readonly string[],
): Promise<readonly string[]> {
  // Ids alone need no list.
  if (Object.keys(filter).length === 1 && filter.ids) return ids;
  const meant: string[] = [];
  for await (const { id, state } of messages(slots, { ask: "list", filter })) {
    const isHeld = state === "held";
    const isOfUse = action === "release" ? isHeld : !isHeld || (action !== "hold" && action !== "flush");
    if (isOfUse) meant.push(id);
  }
  return meant;
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

function report(
  action: Action,
  meant: readonly string[],
  done: ReadonlyMap<string, Acted>,
  options: ActOptions,
  { out, err }: Terminal,
): 0 | 1 {
  let count = 0;
  for (const id of meant) {
    const acted = done.get(id);
    if (acted?.at === "done") {
      count += 1;
      if (options.quiet) out.write(`${id}\n`);
    } else err.write(`${safeText(id)}: ${safeText(acted?.reason ?? "no such message, or not any more")}\n`);
  }
  if (!options.quiet) out.write(`${count === 1 ? "1 message" : `${count} messages`} ${words[action]}\n`);
  return count === meant.length ? 0 : 1;
}

async function openSlots(options: ConfigOption, terminal: Terminal): Promise<Slots> {
  return slotsOf(await dataDirOf(options, terminal), complaints(terminal));
}

/** What the spool has to say while it is opened here. */
function complaints({ err }: Terminal): Log {
  const tell = (_: object, text: string) => void err.write(`postern: ${text}\n`);
  const log: Log = { debug() {}, info() {}, warn: tell, error: tell, child: () => log };
  return log;
}

async function* messages(slots: Slots, request: ControlRequest): AsyncGenerator<ListedMessage> {
  for await (const said of slots.ask(request)) if (said.is === "messages") yield* said.messages;
}

/** Writes in pieces, and waits where the reader is slow. `false`: nobody reads any more. */
interface Writer {
  /** `false`: nobody reads any more. */
  write(piece: string | Buffer): Promise<boolean>;
  flush(): Promise<unknown>;
}

function writer(terminal: Terminal): Writer {
  let text: (string | Buffer)[] = [];
  let size = 0;
  const flush = async () => {
    const piece = Buffer.concat(text.map((one) => (typeof one === "string" ? Buffer.from(one) : one)));
    text = [];
    size = 0;
    return piece.length === 0 || written(terminal, piece);
  };
  return {
    flush,
    async write(piece: string | Buffer): Promise<boolean> {
      text.push(piece);
      size += piece.length;
      return size <= 64 * 1024 || flush();
    },
  };
}
