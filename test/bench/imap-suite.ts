/**
 * `npm run bench -- imap`: what is felt of an IMAP server, beside Dovecot, in interleaved rounds after some that do not count. Both have the
 * same files, with sizes in their names, in Maildirs of their own. Medians; a ratio above 1 is better than Dovecot.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ImapClient } from "./imap-load.ts";
import { type ImapPlan, loginOf, type Work, worksOf } from "./imap-works.ts";
import { fillMaildir } from "./mailbox-files.ts";
import { cpuSeconds, type MailboxPeer, ownMemoryBytes } from "./peer.ts";
import { median } from "./rounds.ts";

export async function measureImap(peers: readonly MailboxPeer[], plan: ImapPlan): Promise<void> {
  const isWanted = (what: string): boolean => plan.only === null || plan.only.some((part) => what.includes(part));
  for (const peer of peers) {
    const of = (name: string) => ({ directory: `${peer.maildirOf(1)}/.${name}`, uid: peer.mailUid });
    await fillMaildir({ directory: peer.maildirOf(1), uid: peer.mailUid }, 10, 2_048);
    await fillMaildir(of("Big"), plan.messages, 4_096);
    await fillMaildir(of("Body"), Math.min(1_000, plan.messages), 10_240);
  }
  await measureWorks(
    peers,
    worksOf(plan).filter(({ what }) => isWanted(what)),
    plan.rounds,
  );
  if (isWanted("IDLE")) await measureIdle(peers, plan.rounds);
  if (isWanted("idle sessions")) await measureMemory(peers, plan);
}

/** A server is quiet when it has used no processor so many times in a row; the kernel counts in steps of 10 ms. */
const QUIET_TIMES = 4;
const QUIET_MS = 40;

/** So many rounds do not count: until V8 has compiled what a server that runs for months has compiled long ago. */
const warmUpRounds = Number(process.env.WARM_UP_ROUNDS ?? 8);

/** Works of the servers in turn. */
export async function measureWorks(
  peers: readonly MailboxPeer[],
  works: readonly Work[],
  rounds: number,
): Promise<void> {
  console.log(
    "what                                     server              a second    CPU ms each    ratio (higher is better)",
  );
  for (const { what, begin } of works) {
    const results = new Map<MailboxPeer, { perSecond: number; cpuMs: number }[]>(peers.map((peer) => [peer, []]));
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      for (const peer of peers) {
        const run = await begin(peer, round);
        const cpuBefore = await cpuSeconds(peer.pid);
        const begun = performance.now();
        const count = await run();
        const seconds = (performance.now() - begun) / 1000;
        const cpuMs = (((await cpuWhenQuiet(peer)) - cpuBefore) * 1000) / count;
        if (round >= warmUpRounds) results.get(peer)?.push({ perSecond: count / seconds, cpuMs });
      }
    }
    const rates = peers.map((peer) => median((results.get(peer) ?? []).map(({ perSecond }) => perSecond)));
    for (const [index, peer] of peers.entries()) {
      const cpuMs = median((results.get(peer) ?? []).map((one) => one.cpuMs));
      print(what, peer, {
        figure: (rates[index] ?? 0).toFixed(0),
        cpu: cpuMs.toFixed(3),
        ratio: ratioOf(rates, index),
      });
    }
  }
}

/** Once a server has done what it left for behind the answer: that is its cost, and must not be felt by the next server. */
async function cpuWhenQuiet({ pid }: MailboxPeer): Promise<number> {
  let used = await cpuSeconds(pid);
  for (let quietTimes = 0; quietTimes < QUIET_TIMES; ) {
    await sleep(QUIET_MS);
    const now = await cpuSeconds(pid);
    quietTimes = now > used ? 0 : quietTimes + 1;
    used = now;
  }
  return used;
}

/** To the last one. */
const ratioOf = (figures: readonly number[], index: number): string =>
  figures.length > 1 ? ((figures[index] ?? Number.NaN) / (figures.at(-1) ?? Number.NaN)).toFixed(2) : "";

function print(
  what: string,
  { name }: MailboxPeer,
  { figure, cpu = "", ratio }: { readonly figure: string; readonly cpu?: string; readonly ratio: string },
): void {
  console.log(`${what.padEnd(41)}${name.padEnd(16)}${figure.padStart(12)}${cpu.padStart(15)}${ratio.padStart(12)}`);
}

/** Milliseconds from the OK of an APPEND to the EXISTS that another session hears; 0 if that came first. */
async function measureIdle(peers: readonly MailboxPeer[], rounds: number): Promise<void> {
  const latencies = new Map<MailboxPeer, number[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      const [listener, sender] = [await ImapClient.logIn(loginOf(peer, 2)), await ImapClient.logIn(loginOf(peer, 2))];
      await listener.say("SELECT INBOX");
      await listener.idle();
      for (let turn = 0; turn < 20; turn++) {
        const heard = new Promise<number>((resolve) => {
          listener.onUntagged = (line) => {
            if (line.endsWith("EXISTS")) resolve(performance.now());
          };
        });
        await sender.say("APPEND INBOX", Buffer.from("Subject: news\r\n\r\nnews\r\n"));
        const answered = performance.now();
        const latencyMs = Math.max(0, (await heard) - answered);
        if (round > 0) latencies.get(peer)?.push(latencyMs);
        // Dovecot looks again only after a pause (mailbox_idle_check_interval is for other programs).
        await sleep(50);
      }
      listener.close();
      await sender.logOut();
    }
  }
  for (const peer of peers) {
    const all = (latencies.get(peer) ?? []).sort((one, other) => one - other);
    const worst = all.at(-1) ?? Number.NaN;
    print("IDLE, ms from OK of APPEND to EXISTS", peer, {
      figure: median(all).toFixed(1),
      ratio: `max ${worst.toFixed(1)}`,
    });
  }
}

/** So often that each worker has had each INBOX open. */
async function openAll(peer: MailboxPeer, users: number): Promise<void> {
  const openings = async (user: number) => {
    for (let turn = 0; turn < 8; turn++) {
      const client = await ImapClient.logIn(loginOf(peer, user));
      await client.say("SELECT INBOX");
      await client.logOut();
    }
  };
  await Promise.all(Array.from({ length: users }, (_, index) => openings(index + 1)));
}

/** KiB (PSS of all processes) for each session that idles in INBOX. The mailboxes themselves are known before: sessions share them. */
async function measureMemory(peers: readonly MailboxPeer[], { idle, users }: ImapPlan): Promise<void> {
  const kib: number[] = [];
  for (const peer of peers) {
    await openAll(peer, users);
    const before = await ownMemoryBytes(peer.pid);
    const clients: ImapClient[] = [];
    const open = async (first: number) => {
      for (let number = first; number < idle; number += 20) {
        const client = await ImapClient.logIn(loginOf(peer, (number % users) + 1));
        await client.say("SELECT INBOX");
        await client.idle();
        clients.push(client);
      }
    };
    await Promise.all(Array.from({ length: Math.min(20, idle) }, (_, slot) => open(slot)));
    await sleep(2_000);
    kib.push(((await ownMemoryBytes(peer.pid)) - before) / 1024 / idle);
    for (const client of clients) client.close();
  }
  for (const [index, peer] of peers.entries()) {
    const ratio = (kib.at(-1) ?? Number.NaN) / (kib[index] ?? Number.NaN);
    const figure = (kib[index] ?? Number.NaN).toFixed(1);
    print(`${idle} idle sessions, KiB each`, peer, { figure, ratio: peers.length > 1 ? ratio.toFixed(2) : "" });
  }
}
