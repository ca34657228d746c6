/** Opens a spool on what a crash has left and compares what it tells with what was promised (docs/spool-states.md). */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../../core/contracts/log.ts";
import type { Spool, SpoolEntry } from "../../../core/contracts/spool.ts";
import type { SpoolFiles } from "../../../core/spool/files.ts";
import type { SpoolLimits } from "../../../core/spool/limits.ts";
import { openSpool } from "../../../core/spool/open-spool.ts";
import type { Random } from "../../fuzz/random.ts";
import { momentOf, stateAfter } from "./crash-state.ts";
import { fatesFor } from "./fates.ts";
import { imageOf, materialize } from "./image.ts";
import { recordedFiles } from "./recorded-files.ts";
import { Recording } from "./recording.ts";
import { type MessagePromises, possible, type SpoolPromises } from "./spool-promises.ts";

/** So small that a few messages fill, empty and reuse segments. */
export const crashLimits: Partial<SpoolLimits> = {
  segmentBytes: 64 * 1024,
  maxSegments: 2,
  memoryMessageBytes: 6_000,
  minFreeBytes: 0,
  cacheBytes: 0,
};

export interface Complaints extends Log {
  readonly errors: string[];
}

export function listeningLog(): Complaints {
  const errors: string[] = [];
  const log: Complaints = {
    errors,
    debug() {},
    info() {},
    warn() {},
    error: (fields: object, text: string) => void errors.push(`${text} ${JSON.stringify(fields)}`),
    child: () => log,
  };
  return log;
}

/** Time goes by whenever it is asked for: nothing waits for a pause to end. */
function hastyClock(): { now: () => number } {
  let nowMs = 1_700_000_000_000;
  return {
    now: () => {
      nowMs += 400;
      return nowMs;
    },
  };
}

export const openAfterCrash = (dir: string, log: Log, files?: SpoolFiles): Promise<Spool> =>
  openSpool({ dir, log, clock: hastyClock(), limits: crashLimits, ...(files ? { files } : {}) });

/** Everything in it, by id: what it tells by itself, and of `ids` those that are held. A message that cannot be read is an error. */
async function entriesIn(spool: Spool, ids: Iterable<string>): Promise<Map<string, SpoolEntry | Error>> {
  const found = new Map<string, SpoolEntry | Error>();
  const read = (id: string) => spool.read(id).catch((error: unknown) => error as Error);
  for await (const { id } of spool.recovered(Number.POSITIVE_INFINITY)) {
    if (found.has(id)) throw new Error(`${id} is told twice`);
    found.set(id, (await read(id)) ?? new Error("it was told and is gone"));
  }
  for (const id of ids) {
    if (found.has(id)) continue;
    const entry = await read(id);
    if (!entry) continue;
    const isForgotten = !(entry instanceof Error) && entry.envelope.hold === null;
    found.set(id, isForgotten ? new Error("nobody is told of it, and it is not held") : entry);
  }
  return found;
}

/** `null`: all promises are kept; now and then also when the power goes again while it recovers. */
export async function brokenPromise(
  directory: string,
  { promises, at, random }: { readonly promises: SpoolPromises; readonly at: number; readonly random: Random },
): Promise<string | null> {
  if (!random.chance(0.1)) return brokenOnce(directory, promises, at);
  const recording = new Recording(directory, imageOf(directory));
  const first = await brokenOnce(directory, promises, at, recordedFiles(recording));
  if (first !== null) return first;
  const again = `${directory}-again`;
  const moment = momentOf(recording, 1 + random.below(recording.now));
  const fates = [...fatesFor(recording, moment, { exhaustive: 0, samples: 4 }, random)];
  rmSync(again, { recursive: true, force: true });
  materialize(stateAfter(recording, moment, random.pick(fates)), again);
  const second = await brokenOnce(again, promises, at);
  return second === null ? null : `after a second cut, at ${moment.at} of the recovery: ${second}`;
}

export async function brokenOnce(
  directory: string,
  promises: SpoolPromises,
  at: number,
  files?: SpoolFiles,
): Promise<string | null> {
  const log = listeningLog();
  const spool = await openAfterCrash(directory, log, files);
  try {
    const found = await entriesIn(spool, promises.perhapsHeld(at));
    const complaint = await compare(found, promises, at);
    if (complaint) return complaint;
    const [error] = log.errors.filter((text) => !isOfUnconfirmed(text, promises, at));
    if (error) return `logged as an error: ${error}`;
    const incoming = readdirSync(join(directory, "incoming"));
    if (incoming.length > 0) return `left in incoming/: ${incoming.join(" ")}`;
    const stray = readdirSync(join(directory, "bodies")).find((id) => !found.has(id));
    return stray ? `a body that nobody owns: ${stray}` : null;
  } finally {
    await spool.close();
  }
}

async function compare(
  found: ReadonlyMap<string, SpoolEntry | Error>,
  promises: SpoolPromises,
  at: number,
): Promise<string | null> {
  for (const [id, message] of promises.messages) {
    const entry = found.get(id);
    if (!entry) {
      if (promises.mustExist(message, at)) return `${id} is lost`;
      continue;
    }
    if (message.accepted.begun > at) return `${id} comes from the future`;
    if (promises.mustNotExist(message, at)) return `${id} was rejected and is there`;
    if (entry instanceof Error) {
      if (message.accepted.isConfirmed && message.accepted.ended <= at) return `${id} cannot be read: ${entry.message}`;
      continue;
    }
    const complaint = await differs(entry, message, at);
    if (complaint) return `${id}: ${complaint}`;
  }
  const invented = [...found.keys()].find((id) => !promises.messages.has(id));
  return invented === undefined ? null : `${invented} was never there`;
}

async function differs(entry: SpoolEntry, message: MessagePromises, at: number): Promise<string | null> {
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.message.content() as AsyncIterable<Uint8Array>) pieces.push(piece);
  if (Buffer.concat(pieces).toString("latin1") !== message.text) return "its bytes are not what was accepted";
  if (entry.envelope.recipients.length !== message.recipients) return "its recipients are not what was accepted";
  for (const { id: recipient } of entry.envelope.recipients) {
    const { values, isCertain } = possible(message.settled.get(recipient) ?? [], at);
    const outcome = entry.state.outcomes[recipient];
    if (!outcome && isCertain) return `the outcome of recipient ${recipient} is forgotten`;
    if (outcome && !values.some((value) => JSON.stringify(value) === JSON.stringify(outcome)))
      return `the outcome of recipient ${recipient} is ${JSON.stringify(outcome)}`;
  }
  const held = possible(message.held, at);
  const hold = entry.envelope.hold;
  if (!held.values.includes(hold) && (held.isCertain || hold !== null)) return `hold is ${JSON.stringify(hold)}`;
  return null;
}

/** A file of a message that nobody was promised may be torn, and is then set aside as damaged. */
const isOfUnconfirmed = (text: string, promises: SpoolPromises, at: number): boolean =>
  [...promises.messages.values()].some(
    ({ id, accepted }) => !(accepted.isConfirmed && accepted.ended <= at) && text.includes(`"id":"${id}"`),
  );
