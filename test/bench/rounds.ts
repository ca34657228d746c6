/** Rounds of one load over several servers, interleaved so that all see the same machine, and the medians of what was measured. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { countMessages, cpuSeconds, emptyMaildir, type Peer } from "./peer.ts";
import { sendAll } from "./smtp-load.ts";

export interface Figures {
  /** 250 given, a second. */
  readonly accepted: number;
  /** In the Maildir, or at the host that it relays to, a second; not a number where messages are thrown away. */
  readonly delivered: number;
  /** Milliseconds of CPU time of the server's processes, for one message. */
  readonly cpuMs: number;
}

export interface Round {
  readonly sizeBytes: number;
  readonly connections: number;
  readonly messages: number;
  /** Each message over a connection of its own. */
  readonly isOneEach?: boolean;
}

export type WarmUp = Required<Pick<Round, "messages" | "isOneEach">>;

async function measure(peer: Peer, round: Round): Promise<Figures> {
  const { messages } = round;
  const { maildir, relay } = peer;
  if (maildir !== null) await emptyMaildir(maildir);
  const relayedBefore = relay?.received ?? 0;
  const cpuBefore = await cpuSeconds(peer.pid);
  const begun = performance.now();
  await sendAll({ port: peer.port, recipient: peer.recipient, isLmtp: peer.isLmtp === true, ...round });
  const acceptedMs = performance.now() - begun;
  while (maildir !== null && (await countMessages(maildir)) < messages) await sleep(5);
  await relay?.until(relayedBefore + messages);
  const deliveredMs = performance.now() - begun;
  const cpuMs = ((await cpuSeconds(peer.pid)) - cpuBefore) * 1_000;
  return {
    accepted: (messages / acceptedMs) * 1_000,
    delivered: maildir === null && !relay ? Number.NaN : (messages / deliveredMs) * 1_000,
    cpuMs: cpuMs / messages,
  };
}

/** Messages that nobody counts, so that code is compiled and caches are full: a server runs for months, not for seconds. */
export async function warmUp(peers: readonly Peer[], { messages, isOneEach }: WarmUp): Promise<void> {
  for (const peer of peers) await measure(peer, { sizeBytes: 1_024, connections: 20, messages, isOneEach });
}

/** One round that does not count, then `rounds` that do. */
export async function measureAll(peers: readonly Peer[], round: Round, rounds: number): Promise<Map<Peer, Figures>> {
  const results = new Map<Peer, Figures[]>(peers.map((peer) => [peer, []]));
  for (const peer of peers) await measure(peer, round);
  for (let count = 0; count < rounds; count += 1) {
    for (const peer of peers) results.get(peer)?.push(await measure(peer, round));
  }
  return new Map(
    [...results].map(([peer, all]) => {
      const of = (name: keyof Figures) => median(all.map((figures) => figures[name]));
      return [peer, { accepted: of("accepted"), delivered: of("delivered"), cpuMs: of("cpuMs") }];
    }),
  );
}

export const median = (values: number[]): number =>
  values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
