/**
 * A process to be killed: opens the spool in argv[2], tells what is there, accepts, settles, puts off, holds and removes mail without end.
 * Each line on stdout is written before the next step begins, so none is lost with the process:
 *
 *   ? id OUTCOME   there at start, whole; the outcome of its recipient, or `none`     ! id WHY   there and not whole
 *   .              all that is there has been told                                    - id       is about to be removed
 *   + id           accepted          > id   handed over, is about to be settled       = id       settled
 */
import { writeSync } from "node:fs";
import type { Spool, SpoolEntry, SpoolEnvelope } from "../../core/contracts/spool.ts";
import { realFiles, type SpoolFiles } from "../../core/spool/files.ts";
import { openSpool } from "../../core/spool/open-spool.ts";

interface Task {
  readonly dir: string;
  /** Ids begin with it. */
  readonly prefix: string;
  readonly lanes: number;
  /** Kills itself at that file operation; after it rather than before; counted from the start, from when all has been told, or from `close` on. */
  readonly killAt: {
    readonly operation: number;
    readonly isAfter: boolean;
    readonly from: "start" | "load" | "close";
  } | null;
  /** Closes after so many messages. */
  readonly closeAfter: number | null;
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const delivered = { at: "delivered", reply: { code: 250, status: "2.0.0", text: "OK", host: null } } as const;
const say = (line: string): void => void writeSync(1, `${line}\n`);
const die = (): void => void process.kill(process.pid, "SIGKILL");

let isCounting = task.killAt?.from === "start";
let operations = 0;

/** The operation at which it dies is begun by nobody, or has ended and nobody has heard of it. */
function deadlyFiles(): SpoolFiles {
  const { killAt } = task;
  if (!killAt) return realFiles;
  const wrapped = Object.entries(realFiles).map(([name, work]: [string, (...given: never[]) => unknown]) => {
    if (name === "nameChunks") return [name, work];
    const deadly = async (...given: never[]): Promise<unknown> => {
      if (!isCounting) return work(...given);
      operations += 1;
      const isLast = operations === killAt.operation;
      if (isLast && !killAt.isAfter) die();
      try {
        return await work(...given);
      } finally {
        if (isLast) die();
      }
    };
    return [name, deadly];
  });
  return Object.fromEntries(wrapped) as SpoolFiles;
}

const envelopeOf = (id: string): SpoolEnvelope => ({
  id,
  origin: "smtp",
  session: null,
  reversePath: "sender@example.org",
  recipients: [{ id: 1, address: "user@example.test", orcpt: null, notify: [], parents: [] }],
  body: "7bit",
  isSmtpUtf8: false,
  requiresTls: false,
  ret: null,
  envid: null,
  labels: {},
  acceptedAt: Date.now(),
  hold: null,
  route: null,
});

/** From a few bytes to what goes through a file. */
const sizeOf = (count: number): number => (count % 23 === 0 ? 45_000 : count % 5 === 0 ? 6_000 : 200);
const textOf = (id: string, count: number): string =>
  `${id} ${count}\r\n`.repeat(1 + Math.ceil(sizeOf(count) / (id.length + 8)));

async function tellAll(spool: Spool): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of spool.recovered(Number.POSITIVE_INFINITY)) {
    ids.push(id);
    try {
      const entry = await spool.read(id);
      if (entry) await check(entry);
      say(entry ? `? ${id} ${entry.state.outcomes[1]?.at ?? "none"}` : `! ${id} gone`);
    } catch (error) {
      say(`! ${id} ${String(error)}`);
    }
  }
  say(".");
  return ids;
}

async function check({ envelope, message }: SpoolEntry): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of message.content() as AsyncIterable<Uint8Array>) pieces.push(piece);
  const text = Buffer.concat(pieces).toString("latin1");
  const count = Number(/^Count: (\d+)\r\n/.exec(text)?.[1]);
  if (text !== `Count: ${count}\r\n\r\n${textOf(envelope.id, count)}`)
    throw new Error("its bytes are not what was accepted");
}

async function settle(spool: Spool, id: string): Promise<void> {
  say(`> ${id}`);
  await spool.settle(id, 1, delivered);
  say(`= ${id}`);
}

async function remove(spool: Spool, id: string): Promise<void> {
  say(`- ${id}`);
  await spool.remove(id);
}

async function one(spool: Spool, id: string, count: number): Promise<void> {
  const intake = spool.receive(null);
  await intake.write(Buffer.from(`Count: ${count}\r\n\r\n`));
  await intake.write(Buffer.from(textOf(id, count)));
  await spool.accept(envelopeOf(id), await intake.end());
  say(`+ ${id}`);
  if (count % 2 === 0) await settle(spool, id);
  if (count % 3 === 0)
    await spool.reschedule(id, { attempts: 1, dueAt: count * 200_000, lastReply: null, warnedAt: null });
  if (count % 4 === 0) await remove(spool, id);
}

const limits = { segmentBytes: 128 * 1024, maxSegments: 3, memoryMessageBytes: 20_000, minFreeBytes: 0 };
const spool = await openSpool({ dir: task.dir, log: silent, clock: Date, limits, files: deadlyFiles() });
const old = [...(await tellAll(spool))];
if (task.killAt?.from === "load") isCounting = true;
let count = 0;
let isEnding = false;
const next = async () => {
  while (!isEnding) {
    count += 1;
    await one(spool, `${task.prefix}${count}`, count);
    // More go than come: a start has to tell all of them.
    for (const former of old.splice(0, old.length > 40 ? 3 : 0)) {
      await settle(spool, former);
      await remove(spool, former);
    }
    if (task.closeAfter !== null && count >= task.closeAfter) isEnding = true;
  }
};
await Promise.all(Array.from({ length: task.lanes }, next));
if (task.killAt?.from === "close") isCounting = true;
await spool.close();
