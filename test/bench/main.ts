/**
 * `npm run bench`: messages a second, accepted (250 given) and delivered (in the Maildir), for sizes and connections, beside
 * Postfix where it is installed. Rounds are interleaved, so that both servers see the same machine; medians are printed.
 * Environment: SIZES, CONNECTIONS (lists), MESSAGES, ROUNDS, WORKERS, BENCH_DIR (the disk to measure).
 */
import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { countMessages, cpuSeconds, emptyMaildir, type Peer } from "./peer.ts";
import { startPostern } from "./postern.ts";
import { startPostfix } from "./postfix-peer.ts";
import { sendAll } from "./smtp-load.ts";

const numbers = (name: string, usual: string): number[] => (process.env[name] ?? usual).split(",").map(Number);
const sizes = numbers("SIZES", "1024,102400");
const connectionCounts = numbers("CONNECTIONS", "1,10,100");
const rounds = Number(process.env.ROUNDS ?? 3);
const workers = process.env.WORKERS === undefined ? null : Number(process.env.WORKERS);

interface Figures {
  readonly accepted: number;
  readonly delivered: number;
  readonly cpuMs: number;
}

async function measure(peer: Peer, sizeBytes: number, connections: number): Promise<Figures> {
  const messages = Number(process.env.MESSAGES ?? (sizeBytes > 10_000 ? 500 : 2_000)) * (connections === 1 ? 0.5 : 1);
  await emptyMaildir(peer.maildir);
  const cpuBefore = await cpuSeconds(peer.pid);
  const begun = performance.now();
  await sendAll({ port: peer.port, recipient: peer.recipient, sizeBytes, messages, connections });
  const acceptedMs = performance.now() - begun;
  while ((await countMessages(peer.maildir)) < messages) await sleep(5);
  const deliveredMs = performance.now() - begun;
  const cpuMs = ((await cpuSeconds(peer.pid)) - cpuBefore) * 1_000;
  return {
    accepted: (messages / acceptedMs) * 1_000,
    delivered: (messages / deliveredMs) * 1_000,
    cpuMs: cpuMs / messages,
  };
}

const median = (values: number[]): number =>
  values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
const isInstalled = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

const peers: Peer[] = [await startPostern(workers)];
if (isInstalled("postfix") && process.getuid?.() === 0) peers.push(await startPostfix());
else console.log("Postfix is not installed, or this is not root: no ratios.");

try {
  console.log("size      connections  server            accepted/s  delivered/s  CPU ms/message  ratio of delivered/s");
  for (const size of sizes) {
    for (const connections of connectionCounts) {
      const results = new Map(peers.map((peer) => [peer, [] as Figures[]]));
      for (let round = 0; round < rounds; round++) {
        for (const peer of peers) results.get(peer)?.push(await measure(peer, size, connections));
      }
      const medians = peers.map((peer) => {
        const all = results.get(peer) ?? [];
        const of = (name: keyof Figures) => median(all.map((figures) => figures[name]));
        return { peer, accepted: of("accepted"), delivered: of("delivered"), cpuMs: of("cpuMs") };
      });
      const reference = medians.find(({ peer }) => peer.name === "postfix")?.delivered;
      for (const { peer, accepted, delivered, cpuMs } of medians) {
        const ratio = reference === undefined ? "" : (delivered / reference).toFixed(2);
        console.log(
          `${`${size / 1024} KiB`.padEnd(10)}${String(connections).padEnd(13)}${peer.name.padEnd(18)}${accepted.toFixed(0).padStart(10)}${delivered.toFixed(0).padStart(13)}${cpuMs.toFixed(2).padStart(16)}${ratio.padStart(22)}`,
        );
      }
    }
  }
} finally {
  for (const peer of peers) await peer.stop();
}
