/**
 * `npm run bench`: figures and ratios, each suite's servers in the same interleaved rounds. `npm run bench -- accept` runs one suite:
 *   deliver   messages into a Maildir, beside Postfix
 *   single    the same, each message over a connection of its own
 *   accept    messages into the spool and through the queue into nothing, beside Postfix with discard(8)
 *   relay     messages through the queue to another host (smtp-sink), beside Postfix, and Haraka where HARAKA says
 *   policies  the same with ten policies and with none
 *   lmtp      messages by LMTP into a Maildir, beside Dovecot
 *   pop3      logins with STAT, and RETR, beside Dovecot
 *   first-open  a Maildir that no server has seen, and again when nothing is new, beside Dovecot
 *   imap      logins, FETCH, SEARCH, STORE, APPEND, IDLE, memory of idle sessions, beside Dovecot
 * Environment: SIZES, CONNECTIONS (lists), MESSAGES, WARM_UP (messages before the first that count), WARM_UP_ROUNDS (of imap and first-open), SECONDS (of pop3 and imap), ONLY (works of imap, a list), ROUNDS, WORKERS, BENCH_DIR (the disk to measure),
 * HARAKA (a directory in which `npm install Haraka` was run).
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { startDovecot } from "./dovecot-peer.ts";
import { measureFirstOpen } from "./first-open-suite.ts";
import { startHaraka } from "./haraka-peer.ts";
import { measureImap } from "./imap-suite.ts";
import type { MailboxPeer, Peer } from "./peer.ts";
import { tenPolicies } from "./policies.ts";
import { measurePop3 } from "./pop3-suite.ts";
import { startPostern, startPosternMailboxes } from "./postern.ts";
import { startPostfix } from "./postfix-peer.ts";
import { type Figures, measureAll, warmUp } from "./rounds.ts";
import { sendOurselves } from "./smtp-load.ts";

const KIB = 1024;
const numbers = (name: string, usual: readonly number[]): readonly number[] =>
  process.env[name]?.split(",").map(Number) ?? usual;
const rounds = Number(process.env.ROUNDS ?? 3);
const workers = process.env.WORKERS === undefined ? null : Number(process.env.WORKERS);

interface Suite {
  readonly sizes: readonly number[];
  /** The last one is what the others are compared with. */
  readonly peers: () => Promise<Peer[]>;
  readonly ratioOf: keyof Figures;
  readonly connections?: readonly number[];
  readonly isOneEach?: boolean;
}

const isInstalled = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

async function besidePostfix(delivery: "maildir" | "sink" | "relay"): Promise<Peer[]> {
  const peers = [await startPostern({ workers, delivery })];
  const haraka = process.env.HARAKA;
  if (delivery === "relay" && haraka !== undefined)
    peers.push(await startHaraka(haraka, workers ?? availableParallelism()));
  if (isInstalled("postfix") && process.getuid?.() === 0) peers.push(await startPostfix(delivery));
  else console.log("Postfix is not installed, or this is not root: no ratios.");
  return peers;
}

async function besideDovecot(users: number): Promise<MailboxPeer[]> {
  const peers = [await startPosternMailboxes(users, workers)];
  if (isInstalled("dovecot") && process.getuid?.() === 0) peers.push(await startDovecot(users));
  else console.log("Dovecot is not installed, or this is not root: no ratios.");
  return peers;
}

async function pop3(): Promise<void> {
  console.log("\npop3");
  const users = 10;
  const peers = await besideDovecot(users);
  try {
    await measurePop3(peers, {
      ...{ users, rounds, sizeBytes: 4 * KIB, connections: numbers("CONNECTIONS", [1, 10]) },
      messages: Number(process.env.MESSAGES ?? 200),
      seconds: Number(process.env.SECONDS ?? 5),
    });
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

async function imap(): Promise<void> {
  console.log("\nimap");
  const users = 10;
  const peers = await besideDovecot(users);
  try {
    await measureImap(peers, {
      ...{ users, rounds },
      messages: Number(process.env.MESSAGES ?? 10_000),
      idle: Number(process.env.CONNECTIONS ?? 1_000),
      seconds: Number(process.env.SECONDS ?? 5),
      only: process.env.ONLY?.split(",") ?? null,
    });
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

async function firstOpen(): Promise<void> {
  console.log("\nfirst-open");
  const peers = await besideDovecot(1);
  try {
    await measureFirstOpen(peers, { rounds, messages: Number(process.env.MESSAGES ?? 10_000) });
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

async function withPolicies(): Promise<Peer[]> {
  const { dns, ...options } = await tenPolicies();
  const ten = await startPostern({ name: "ten policies", workers, delivery: "sink", ...options });
  await untilTaken(ten);
  const none = await startPostern({ name: "none", workers, delivery: "sink", config: options.config });
  const stop = async () => {
    await ten.stop();
    await dns.close();
  };
  return [{ ...ten, stop }, none];
}

/** A greylist puts the first message off. */
async function untilTaken({ port, recipient }: Peer): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await sendOurselves({ port, recipient, sizeBytes: KIB, messages: 1, connections: 1 });
      return;
    } catch (cause) {
      if (tries === 50) throw cause;
      await sleep(100);
    }
  }
}

const suites: Readonly<Record<string, Suite>> = {
  deliver: { sizes: [KIB, 100 * KIB, KIB * KIB], peers: () => besidePostfix("maildir"), ratioOf: "delivered" },
  single: {
    sizes: [KIB],
    peers: () => besidePostfix("maildir"),
    ratioOf: "delivered",
    connections: [10],
    isOneEach: true,
  },
  accept: { sizes: [KIB, KIB * KIB], peers: () => besidePostfix("sink"), ratioOf: "accepted" },
  relay: { sizes: [KIB], peers: () => besidePostfix("relay"), ratioOf: "delivered" },
  lmtp: { sizes: [KIB, 100 * KIB], peers: () => besideDovecot(1), ratioOf: "delivered" },
  policies: {
    sizes: [KIB],
    peers: () => withPolicies(),
    ratioOf: "accepted",
  },
};

const others: Readonly<Record<string, () => Promise<void>>> = { pop3, imap, "first-open": firstOpen };

const messagesOf = (sizeBytes: number, connections: number): number => {
  const usual = sizeBytes >= KIB * KIB ? 200 : sizeBytes > 10 * KIB ? 500 : 4_000;
  return Math.max(connections, Number(process.env.MESSAGES ?? usual) * (connections === 1 ? 0.5 : 1));
};

const column = (text: string | number, width: number): string => String(text).padStart(width);

async function run(name: string, suite: Suite): Promise<void> {
  const { sizes, peers: start, ratioOf, connections: usual = [1, 10, 100], isOneEach = false } = suite;
  console.log(`\n${name}`);
  console.log(
    `size      connections  server       accepted/s  delivered/s  CPU ms/message  ratio of ${ratioOf}/s (higher is better)`,
  );
  const peers = await start();
  try {
    await warmUp(peers, { messages: Number(process.env.WARM_UP ?? 10_000), isOneEach });
    for (const sizeBytes of numbers("SIZES", sizes)) {
      for (const connections of numbers("CONNECTIONS", usual)) {
        const round = { sizeBytes, connections, messages: messagesOf(sizeBytes, connections), isOneEach };
        const results = [...(await measureAll(peers, round, rounds))];
        const reference = results.length > 1 ? results.at(-1)?.[1][ratioOf] : undefined;
        for (const [peer, figures] of results) {
          const ratio = reference === undefined ? "" : (figures[ratioOf] / reference).toFixed(2);
          const delivered = Number.isNaN(figures.delivered) ? "-" : figures.delivered.toFixed(0);
          console.log(
            `${`${sizeBytes / KIB} KiB`.padEnd(10)}${String(connections).padEnd(13)}${peer.name.padEnd(13)}${column(figures.accepted.toFixed(0), 10)}${column(delivered, 13)}${column(figures.cpuMs.toFixed(2), 16)}${column(ratio, 10)}`,
          );
        }
      }
    }
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

const wanted = process.argv.slice(2);
const names = [...Object.keys(suites), ...Object.keys(others)];
for (const name of wanted.length > 0 ? wanted : names) {
  const suite = suites[name];
  const other = others[name];
  if (suite) await run(name, suite);
  else if (other) await other();
  else throw new Error(`no such suite: ${name}; there are ${names.join(", ")}`);
}
