/**
 * Accepts a second by the spool alone: `npx tsx test/bench/spool.ts`. `DIR` picks the disk, `SECONDS` the time per figure.
 * Each message is also settled and removed, as if it were delivered at once, while the next ones are accepted.
 *
 * `BACKLOG=1000000` measures something else: a spool with so many deferred messages, all of them due. How long a start takes, asking
 * what is due, a list without and with a catalogue, and how much memory there is after each. Files are made first, which takes the most time.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Spool, SpoolEnvelope } from "../../core/contracts/spool.ts";
import { createMessage } from "../../core/kernel/message.ts";
import { DeferredFiles } from "../../core/spool/deferred-files.ts";
import { realFiles } from "../../core/spool/files.ts";
import { IdTable } from "../../core/spool/id-table.ts";
import { layoutOf } from "../../core/spool/layout.ts";
import { openSpool } from "../../core/spool/open-spool.ts";
import { prepareRecord } from "../../core/spool/record.ts";

const durationMs = Number(process.env.SECONDS ?? 3) * 1000;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const delivered = { at: "delivered", reply: { code: 250, status: "2.0.0", text: "OK", host: null } } as const;
let nextId = 0;

const envelopeOf = (id: string): SpoolEnvelope => ({
  id,
  origin: "smtp",
  session: {
    id: "b4c9f2",
    protocol: "smtp",
    listener: { name: "mx-25", role: "mx" },
    remote: { address: "192.0.2.7", port: 40_123, hostname: "client.example.org" },
    heloName: "client.example.org",
    login: null,
  },
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

async function deliver(spool: Spool, id: string): Promise<void> {
  await spool.settle(id, 1, delivered);
  await spool.remove(id);
}

async function measure(sizeBytes: number, connections: number): Promise<void> {
  const dir = await mkdtemp(join(process.env.DIR ?? tmpdir(), "postern-spool-bench-"));
  const spool = await openSpool({ dir, log: silent, clock: Date, limits: { maxMessages: 100_000_000 } });
  const header = Buffer.from("Subject: bench\r\n\r\n");
  const body = Buffer.alloc(sizeBytes - header.length, "x".repeat(76).concat("\r\n"));
  const waits: number[] = [];
  const deliveries = new Set<Promise<void>>();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const one = async () => {
    while (performance.now() - start < durationMs) {
      const id = `b${nextId++}`;
      const began = performance.now();
      await spool.accept(envelopeOf(id), createMessage(header, [body]));
      waits.push(performance.now() - began);
      const delivery: Promise<void> = deliver(spool, id).then(() => void deliveries.delete(delivery));
      deliveries.add(delivery);
      if (deliveries.size > 500) await Promise.race(deliveries);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  waits.sort((a, b) => a - b);
  const at = (share: number) => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(2);
  const rate = Math.round((waits.length * 1000) / ms);
  console.log(
    `${String(sizeBytes).padStart(7)} B ${String(connections).padStart(4)} at once  ${String(rate).padStart(7)}/s` +
      `  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  cpu ${((user + system) / waits.length).toFixed(0)} us/message`,
  );
  await Promise.all(deliveries);
  await spool.close();
  await rm(dir, { recursive: true });
}

async function makeBacklog(dir: string, count: number): Promise<void> {
  await (await openSpool({ dir, log: silent, clock: Date, limits: { minFreeBytes: 0 } })).close();
  const deferred = new DeferredFiles(realFiles, layoutOf(dir), new IdTable());
  const content = [Buffer.from("Subject: bench\r\n\r\n"), Buffer.alloc(200, "x".repeat(76).concat("\r\n"))];
  const dueFrom = Date.now() - count;
  let next = 0;
  const one = async () => {
    for (let index = next++; index < count; index = next++) {
      const id = `bench${index.toString(36).padStart(8, "0")}`;
      const meta = { id, envelope: envelopeOf(id), headerBytes: content[0]?.length, bodyFile: null };
      await deferred.create({ dueAt: dueFrom + index, id }, [prepareRecord("accept", meta, content)]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)}`.padStart(5);

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  console.log(
    `${what.padEnd(32)} ${((performance.now() - start) / 1000).toFixed(3).padStart(8)} s` +
      `  cpu ${((user + system) / 1e6).toFixed(2).padStart(6)} s  rss ${mebibytes(rss)} MiB  heap ${mebibytes(heapUsed)}  buffers ${mebibytes(arrayBuffers)}`,
  );
  return result;
}

async function counted(items: AsyncIterable<unknown>, limit = Number.POSITIVE_INFINITY): Promise<number> {
  let count = 0;
  for await (const _ of items) if (++count >= limit) break;
  return count;
}

async function listed(spool: Spool): Promise<number> {
  let count = 0;
  for await (const some of spool.list()) count += some.length;
  return count;
}

async function measureBacklog(dir: string): Promise<void> {
  await timed("before", async () => {});
  const limits = { maxMessages: 100_000_000, minFreeBytes: 0 };
  const spool = await timed("open for mail", () => openSpool({ dir, log: silent, clock: Date, limits }));
  await timed("all names seen", () => counted(spool.recovered(0)));
  await timed("the first 1,000 that are due", () => counted(spool.recovered(Date.now()), 1000));
  const due = await timed("all that are due", () => counted(spool.recovered(Date.now())));
  const inAll = await timed("list, no catalogue yet", () => listed(spool));
  await timed("list", () => listed(spool));
  await timed("close", () => spool.close());
  const again = await timed("open again", () => openSpool({ dir, log: silent, clock: Date, limits }));
  await timed("list after a restart", () => listed(again));
  await again.close();
  console.log(`${due} due, ${inAll} listed`);
}

async function backlog(count: number): Promise<void> {
  const dir = await mkdtemp(join(process.env.DIR ?? tmpdir(), "postern-spool-bench-"));
  try {
    await timed(`${count} files made`, () => makeBacklog(dir, count));
    // A process of its own: its memory is what the backlog costs.
    const args = [...process.execArgv, ...process.argv.slice(1)];
    execFileSync(process.execPath, args, { stdio: "inherit", env: { ...process.env, BACKLOG_DIR: dir } });
  } finally {
    await rm(dir, { recursive: true });
  }
}

if (process.env.BACKLOG_DIR) await measureBacklog(process.env.BACKLOG_DIR);
else if (process.env.BACKLOG) await backlog(Number(process.env.BACKLOG));
else {
  for (const sizeBytes of [1024, 102_400]) {
    for (const connections of [1, 10, 100]) await measure(sizeBytes, connections);
  }
}
