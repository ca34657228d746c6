/**
 * mailq, `sendmail -bp` and `sendmail -q`: the queue as programs and people know it from there, by the ways that `postern queue` has. The
 * queue is the administrator's: others are told so.
 */
import type { Log } from "../contracts/log.ts";
import type { Acted, ControlRequest, ListedMessage } from "../control/request.ts";
import { safeText } from "../mail/header.ts";
import type { FlushTarget } from "../sendmail/command.ts";
import { CommandError } from "./command-error.ts";
import { type Slots, slotsOf } from "./queue/slots.ts";
import { saidBy } from "./queue/table.ts";
import { type Terminal, written } from "./terminal.ts";

const DATA_ERROR = 65;
const ACT_AT_ONCE = 1_000;

/** The exit code. */
export const listQueue = (dataDir: string, terminal: Terminal): Promise<number> =>
  told("mailq", terminal, async () => {
    let count = 0;
    let bytes = 0;
    for await (const message of listed(openSlots(dataDir, terminal), { ask: "list", filter: {} })) {
      if (count === 0) await written(terminal, "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n");
      count += 1;
      bytes += message.sizeBytes;
      if (!(await written(terminal, `${entry(message)}\n`))) return 0;
    }
    const total = `-- ${Math.ceil(bytes / 1024)} Kbytes in ${count} ${count === 1 ? "Request" : "Requests"}.\n`;
    await written(terminal, count === 0 ? "Mail queue is empty\n" : total);
    return 0;
  });

export const flushQueue = (target: FlushTarget, dataDir: string, terminal: Terminal): Promise<number> =>
  told("sendmail", terminal, async () => {
    const slots = openSlots(dataDir, terminal);
    if (target.at === "all") {
      for await (const _ of slots.ask({ ask: "flushAll" }));
      return 0;
    }
    if (target.at === "id") {
      const acted = await flush(slots, [target.id]);
      if (acted.some(({ at }) => at === "done")) return 0;
      const held = acted.find(({ at }) => at === "failed")?.reason;
      throw new CommandError(held ?? `there is no message ${JSON.stringify(target.id)} in the queue`, DATA_ERROR);
    }
    const ids: string[] = [];
    for await (const { id, state } of listed(slots, { ask: "list", filter: { domain: target.domain } }))
      if (state !== "held") ids.push(id);
    for (let at = 0; at < ids.length; at += ACT_AT_ONCE) await flush(slots, ids.slice(at, at + ACT_AT_ONCE));
    return 0;
  });

async function told(name: string, { err }: Terminal, act: () => Promise<number>): Promise<number> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    err.write(`${name}: ${error.message}\n`);
    return error.exitCode;
  }
}

function openSlots(dataDir: string, { err }: Terminal): Slots {
  const tell = (_: object, text: string) => void err.write(`postern: ${text}\n`);
  const log: Log = { debug() {}, info() {}, warn: tell, error: tell, child: () => log };
  return slotsOf(dataDir, log);
}

async function* listed(slots: Slots, request: ControlRequest): AsyncGenerator<ListedMessage> {
  for await (const said of slots.ask(request)) if (said.is === "messages") yield* said.messages;
}

async function flush(slots: Slots, ids: readonly string[]): Promise<readonly Acted[]> {
  const acted: Acted[] = [];
  for await (const said of slots.ask({ ask: "act", action: "flush", ids, text: null }))
    if (said.is === "acted") acted.push(said.acted);
  return acted;
}

/** As Postfix has it: `*` is on its way, `!` is held; why it waits stands in parentheses. */
function entry({
  id,
  state,
  sizeBytes,
  acceptedAt,
  reversePath,
  lastReply,
  hold,
  open,
  openCount,
}: ListedMessage): string {
  const mark = state === "active" ? "*" : state === "held" ? "!" : " ";
  const when = new Date(acceptedAt)
    .toString()
    .slice(0, 24)
    .replace(/ \d{4} /, " ");
  const why = hold ?? (lastReply && saidBy(lastReply));
  const indent = " ".repeat(41);
  return [
    `${id}${mark} ${String(sizeBytes).padStart(8)} ${when}  ${reversePath === null ? "MAILER-DAEMON" : safeText(reversePath)}`,
    ...(why === null ? [] : [`(${safeText(why)})`]),
    ...open.map((address) => `${indent}${safeText(address)}`),
    ...(openCount > open.length ? [`${indent}(and ${openCount - open.length} more)`] : []),
    "",
  ].join("\n");
}
