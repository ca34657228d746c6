/**
 * `npm run bench -- pop3`: logins with STAT and RETR beside Dovecot, in interleaved rounds after one that does not count. Each server's
 * mailboxes were filled by its own LMTP, so each has its files as it likes them.
 */
import { performance } from "node:perf_hooks";
import { cpuSeconds, type MailboxPeer, memoryBytes } from "./peer.ts";
import { logInAndOut, type Pop3Load, retrieveAll } from "./pop3-load.ts";
import { median } from "./rounds.ts";
import { sendAll } from "./smtp-load.ts";

const MIB = 1024 * 1024;

export interface Pop3Plan {
  readonly users: number;
  /** In each mailbox. */
  readonly messages: number;
  readonly sizeBytes: number;
  /** How long each work of each round goes on. */
  readonly seconds: number;
  readonly connections: readonly number[];
  readonly rounds: number;
}

interface Measured {
  readonly perSecond: number;
  readonly cpuMs: number;
}

export async function measurePop3(peers: readonly MailboxPeer[], plan: Pop3Plan): Promise<void> {
  for (const peer of peers) await fill(peer, plan);
  const before = new Map<MailboxPeer, number>();
  for (const peer of peers) before.set(peer, await memoryBytes(peer.pid));
  console.log(
    "what                 connections  server            a second    CPU ms each    ratio (higher is better)",
  );
  for (const connections of plan.connections) {
    const loadOf = (peer: MailboxPeer): Pop3Load => ({
      ...{ port: peer.pop3Port, password: "secret", connections },
      logins: Array.from({ length: plan.users }, (_, index) => peer.loginOf(index + 1)),
    });
    const end = () => performance.now() + plan.seconds * 1000;
    const works: Readonly<Record<string, (peer: MailboxPeer) => Promise<number>>> = {
      "login, STAT, QUIT": (peer) => logInAndOut(loadOf(peer), end()),
      RETR: (peer) => retrieveAll(loadOf(peer), end()),
    };
    for (const [what, work] of Object.entries(works)) {
      const results = [...(await inRounds(peers, plan.rounds, work))];
      const reference = results.length > 1 ? results.at(-1)?.[1].perSecond : undefined;
      for (const [{ name }, { perSecond, cpuMs }] of results) {
        const ratio = reference === undefined ? "" : (perSecond / reference).toFixed(2);
        console.log(
          `${what.padEnd(21)}${String(connections).padEnd(13)}${name.padEnd(16)}${perSecond.toFixed(0).padStart(10)}${cpuMs.toFixed(2).padStart(15)}${ratio.padStart(12)}`,
        );
      }
    }
  }
  for (const peer of peers) {
    const [was, is] = [before.get(peer) ?? 0, await memoryBytes(peer.pid)];
    console.log(`memory of ${peer.name}: ${(was / MIB).toFixed(0)} MiB before, ${(is / MIB).toFixed(0)} MiB after`);
  }
}

async function fill(peer: MailboxPeer, { users, messages, sizeBytes }: Pop3Plan): Promise<void> {
  for (let user = 1; user <= users; user++) {
    const load = {
      port: peer.port,
      recipient: peer.addressOf(user),
      sizeBytes,
      messages,
      connections: 4,
      isLmtp: true,
    };
    await sendAll(load);
  }
  // Whoever takes mail before it is in the mailbox has it there now.
  for (let user = 1; user <= users; user++) {
    const load = { port: peer.pop3Port, password: "secret", connections: 1, logins: [peer.loginOf(user)] };
    while ((await retrieveAll(load)) < messages);
  }
}

async function inRounds(
  peers: readonly MailboxPeer[],
  rounds: number,
  work: (peer: MailboxPeer) => Promise<number>,
): Promise<Map<MailboxPeer, Measured>> {
  const results = new Map<MailboxPeer, Measured[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      const cpuBefore = await cpuSeconds(peer.pid);
      const begun = performance.now();
      const count = await work(peer);
      const seconds = (performance.now() - begun) / 1000;
      const cpuMs = (((await cpuSeconds(peer.pid)) - cpuBefore) * 1000) / count;
      if (round > 0) results.get(peer)?.push({ perSecond: count / seconds, cpuMs });
    }
  }
  return new Map(
    [...results].map(([peer, all]) => [
      peer,
      { perSecond: median(all.map((one) => one.perSecond)), cpuMs: median(all.map((one) => one.cpuMs)) },
    ]),
  );
}
