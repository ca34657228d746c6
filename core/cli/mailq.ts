/**
 * mailq, `sendmail -bp` and `sendmail -q`: the queue as programs and people know it from there, by the ways that `postern queue` has. Those who are
 * not the administrator see the list where the server lets them, and are told so otherwise.
 */
import type { Acted } from "../control/request.ts";
import type { SendmailFacts } from "../maildrop/facts.ts";
import type { FlushTarget } from "../sendmail/command.ts";
import { CommandError } from "./command-error.ts";
import { act, type Meant, meantAnywhere, meantBy } from "./queue/acting.ts";
import { printList } from "./queue/print-list.ts";
import { publicSlots } from "./queue/public-slots.ts";
import { isOurs, type Slots, slotsOf } from "./queue/slots.ts";
import { type Terminal, written } from "./terminal.ts";

const DATA_ERROR = 65;
const head = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n";

/** The exit code. */
export const listQueue = (
  { dataDir, queue }: Pick<SendmailFacts, "dataDir" | "queue">,
  terminal: Terminal,
): Promise<number> =>
  told("mailq", terminal, async () => {
    const slots = queue === null || isOurs(dataDir) ? slotsOf(dataDir, terminal) : publicSlots(queue);
    const listed = await printList(slots, { filter: {}, form: "mailq", head }, terminal);
    if (listed === null) return 0;
    const { messages, sizeBytes } = listed;
    const total = `-- ${Math.ceil(sizeBytes / 1024)} Kbytes in ${messages} ${messages === 1 ? "Request" : "Requests"}.\n`;
    await written(terminal, messages === 0 ? "Mail queue is empty\n" : total);
    return 0;
  });

export const flushQueue = (target: FlushTarget, dataDir: string, terminal: Terminal): Promise<number> =>
  told("sendmail", terminal, async () => {
    const slots = slotsOf(dataDir, terminal);
    if (target.at === "all") {
      for await (const _ of slots.ask({ ask: "flushAll" }));
    } else if (target.at === "id") {
      const acted = await flush(slots, meantAnywhere([target.id], slots));
      if (acted.some(({ at }) => at === "done")) return 0;
      const held = acted.find(({ at }) => at === "failed")?.reason;
      throw new CommandError(held ?? `there is no message ${JSON.stringify(target.id)} in the queue`, DATA_ERROR);
    } else await flush(slots, await meantBy("flush", { domain: target.domain }, slots));
    return 0;
  });

async function told(name: string, { err }: Terminal, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    err.write(`${name}: ${error.message}\n`);
    return error.exitCode;
  }
}

async function flush(slots: Slots, meant: Meant): Promise<readonly Acted[]> {
  const acted: Acted[] = [];
  for await (const one of act("flush", meant, slots)) acted.push(one);
  return acted;
}
