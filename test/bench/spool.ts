/**
 * Accepts a second by the spool alone: `npx tsx test/bench/spool.ts`. `DIR` picks the disk, `SECONDS` the time per figure.
 * Each message is also settled and removed, as if it were delivered at once, while the next ones are accepted.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Spool, SpoolEnvelope } from "../../core/contracts/spool.ts";
import { createMessage } from "../../core/kernel/message.ts";
import { openSpool } from "../../core/spool/open-spool.ts";

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

for (const sizeBytes of [1024, 102_400]) {
  for (const connections of [1, 10, 100]) await measure(sizeBytes, connections);
}
