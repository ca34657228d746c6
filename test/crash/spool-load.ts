/**
 * A process to be killed: opens the spool in argv[2], accepts mail without end and reports to its parent what was confirmed.
 * Each line on stdout stands for something that must survive: `+ id` accepted, `= id` settled, `- id` about to be removed.
 * Lines are written synchronously, so none is lost with the process.
 */
import { writeSync } from "node:fs";
import type { Spool, SpoolEnvelope } from "../../core/contracts/spool.ts";
import { openSpool } from "../../core/spool/open-spool.ts";

const [, , dir = "", prefix = "", connections = "10"] = process.argv;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const delivered = { at: "delivered", reply: { code: 250, status: "2.0.0", text: "OK", host: null } } as const;
const say = (line: string): void => void writeSync(1, `${line}\n`);

const envelopeOf = (id: string): SpoolEnvelope => ({
  id,
  origin: "smtp",
  session: null,
  reversePath: "sender@example.org",
  recipients: [1, 2].map((n) => ({ id: n, address: `user${n}@example.test`, orcpt: null, notify: [], parents: [] })),
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

/** Sizes from a few bytes to what goes through a file. */
const sizeOf = (count: number): number => (count % 23 === 0 ? 30_000 : count % 5 === 0 ? 6_000 : 200);

async function one(spool: Spool, id: string, count: number): Promise<void> {
  const intake = spool.receive(null);
  await intake.write(Buffer.from(`Subject: ${id}\r\n\r\n`));
  await intake.write(Buffer.from(`${id} `.repeat(Math.ceil(sizeOf(count) / (id.length + 1)))));
  await spool.accept(envelopeOf(id), await intake.end());
  say(`+ ${id}`);
  if (count % 2 === 0) {
    await spool.settle(id, 1, delivered);
    say(`= ${id}`);
  }
  if (count % 3 === 0)
    await spool.reschedule(id, { attempts: 1, dueAt: count * 1000, lastReply: null, warnedAt: null });
  if (count % 4 === 0) {
    say(`- ${id}`);
    await spool.remove(id);
  }
}

const spool = await openSpool({
  dir,
  log: silent,
  clock: Date,
  limits: { segmentBytes: 256 * 1024, maxSegments: 3, memoryMessageBytes: 20_000, minFreeBytes: 0 },
});
let count = 0;
const next = async () => {
  for (;;) {
    count += 1;
    await one(spool, `${prefix}${count}`, count);
  }
};
say("ready");
await Promise.all(Array.from({ length: Number(connections) }, next));
