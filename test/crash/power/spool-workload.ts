/**
 * Everything that a spool does, in an order that the seed decides: messages of all kinds, several at a time, their outcomes, retries,
 * holds and ends, segments that fill and are emptied, a close and a start in between.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Spool, SpoolEnvelope, SpoolOutcome } from "../../../core/contracts/spool.ts";
import type { SpoolFiles } from "../../../core/spool/files.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Workload } from "./cutting.ts";
import { imageOf } from "./image.ts";
import { type Mishap, recordedFiles } from "./recorded-files.ts";
import { Recording } from "./recording.ts";
import { brokenPromise, listeningLog, openAfterCrash } from "./spool-check.ts";
import { SpoolPromises } from "./spool-promises.ts";

export interface SpoolWork {
  readonly random: Random;
  readonly promises: SpoolPromises;
  /** Steps for each of the lanes that work side by side. */
  readonly steps: number;
  readonly lanes: number;
  /** Ids begin with it. */
  readonly prefix: string;
  readonly onRefusal?: (error: unknown) => void;
}

const outcomeOf = (random: Random): SpoolOutcome => ({
  at: random.pick(["delivered", "relayed", "failed", "deferred"] as const),
  reply: { code: 250, status: "2.0.0", text: `reply ${random.below(1_000_000)}`, host: null },
});

export function envelopeFor(id: string, recipients: number): SpoolEnvelope {
  return {
    id,
    origin: "smtp",
    session: null,
    reversePath: "sender@example.org",
    recipients: Array.from({ length: recipients }, (_, index) => ({
      id: index + 1,
      address: `user${index + 1}@example.test`,
      orcpt: null,
      notify: [],
      parents: [],
    })),
    body: "7bit",
    isSmtpUtf8: false,
    requiresTls: false,
    ret: null,
    envid: null,
    labels: {},
    acceptedAt: 1_700_000_000_000,
    hold: null,
    route: null,
  };
}

/** Small ones mostly; some that fill a segment soon, some with a file of their own, a few with a huge envelope. */
function kindOf(random: Random): { readonly bodyBytes: number; readonly recipients: number } {
  const draw = random.below(20);
  if (draw === 0) return { bodyBytes: 50, recipients: 300 };
  if (draw < 4) return { bodyBytes: 14_000 + random.below(3_000), recipients: 1 };
  if (draw < 11) return { bodyBytes: 3_000 + random.below(2_500), recipients: 2 };
  return { bodyBytes: random.below(700), recipients: 1 + random.below(3) };
}

/** A lane goes on after a refusal. */
export async function workOn(spool: Spool, work: SpoolWork): Promise<void> {
  let count = 0;
  const lane = async (): Promise<void> => {
    for (let step = 0; step < work.steps; step += 1) {
      count += 1;
      await oneStep(spool, work, count).catch((error: unknown) => work.onRefusal?.(error));
    }
  };
  await Promise.all(Array.from({ length: work.lanes }, lane));
}

async function oneStep(spool: Spool, work: SpoolWork, count: number): Promise<void> {
  const { random, promises } = work;
  const open = [...promises.messages.values()].filter(({ accepted, removed }) => accepted.isConfirmed && !removed);
  if (open.length < 3 || random.chance(0.45)) {
    await acceptOne(spool, work, `${work.prefix}${count}`);
    return;
  }
  const { id, recipients } = random.pick(open);
  const draw = random.below(10);
  if (draw < 4) {
    const recipient = 1 + random.below(recipients);
    const outcome = outcomeOf(random);
    await promises.settle(id, recipient, outcome, () => spool.settle(id, recipient, outcome));
  } else if (draw < 6) {
    const dueAt = random.below(5) * 2 ** 20 + random.below(1000);
    await spool.reschedule(id, { attempts: 1, dueAt, lastReply: null, warnedAt: null });
  } else if (draw < 8) {
    await promises.remove(id, () => spool.remove(id));
  } else {
    const reason = random.chance(0.6) ? `reason ${random.below(1000)}` : null;
    await promises.hold(id, reason, () => spool.hold(id, reason));
  }
}

async function acceptOne(spool: Spool, { random, promises }: SpoolWork, id: string): Promise<void> {
  const { bodyBytes, recipients } = kindOf(random);
  const text = `Subject: ${id}\r\n\r\n${`${id} `.repeat(bodyBytes / (id.length + 1))}\r\n`;
  await promises.accept({ id, text, recipients }, async () => {
    const intake = spool.receive(random.chance(0.5) ? text.length : null);
    try {
      for (let at = 0; at < text.length; at += 5_000) await intake.write(Buffer.from(text.slice(at, at + 5_000)));
      await spool.accept(envelopeFor(id, recipients), await intake.end());
    } catch (error) {
      await intake.abort();
      throw error;
    }
  });
}

export interface SpoolWorkloadOptions {
  readonly lanes: number;
  readonly steps: number;
  /** Makes disks fail while they are recorded. */
  readonly mishap?: (random: Random) => Mishap;
  /** A disk that leaves something out, to see that it is noticed. */
  readonly disk?: (files: SpoolFiles) => SpoolFiles;
}

export const spoolWorkload = (name: string, { lanes, steps, mishap, disk }: SpoolWorkloadOptions): Workload => ({
  name,
  async record(directory, random) {
    for (const room of ["", "journal", "deferred", "incoming", "bodies", "damaged"]) mkdirSync(join(directory, room));
    const recording = new Recording(directory, imageOf(directory));
    const recorded = recordedFiles(recording, mishap?.(random));
    const files = disk ? disk(recorded) : recorded;
    const promises = new SpoolPromises(() => recording.mark());
    for (const prefix of ["a", "b"]) {
      const spool = await opened(directory, files);
      await workOn(spool, { random, promises, lanes, steps, prefix });
      await Promise.allSettled([spool.close()]);
      promises.ended();
    }
    return { recording, check: (state, at, draw) => brokenPromise(state, { promises, at, random: draw }) };
  },
});

/** A disk that fails may need more than one try. */
async function opened(directory: string, files: SpoolFiles): Promise<Spool> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      const spool = await openAfterCrash(directory, listeningLog(), files);
      for await (const _ of spool.recovered(Number.POSITIVE_INFINITY));
      return spool;
    } catch (error) {
      if (attempts === 20) throw error;
    }
  }
}

/** A disk on which one operation in some fails; half of those were done all the same. */
export const failingNowAndThen =
  (probability: number) =>
  (random: Random): Mishap =>
  () =>
    random.chance(probability) ? (random.chance(0.5) ? "fails" : "done, but fails") : null;
