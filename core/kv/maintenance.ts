/**
 * What a process does for the environment now and then, in small steps: sweeps what has expired on a quiet server, drops leases of
 * processes that are gone, makes a copy for the case of a power cut, and follows to a new environment when another process
 * had to begin one. Failures are logged; the next round tries again.
 */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import { DATA_FILE } from "./environment.ts";
import { sweepStep } from "./expiry.ts";
import type { Gauges } from "./gauges.ts";
import type { Generations } from "./generations.ts";
import type { KeyValueEnvironment } from "./tables.ts";
import type { WorkQueue } from "./work-queue.ts";

const ROUND_MS = 30_000;
const SNAPSHOT_MS = 10 * 60_000;
const SWEEP_STEP = 64;

export interface MaintenanceParts {
  readonly queue: WorkQueue;
  readonly gauges: Gauges;
  readonly generations: Generations<KeyValueEnvironment>;
  readonly environment: KeyValueEnvironment;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the use of this environment. */
  leave(environment: KeyValueEnvironment): void;
}

/** Answers how to end it; what was begun ends first. */
export function maintain(parts: MaintenanceParts): () => Promise<void> {
  let isEnded = false;
  let isFirst = true;
  let busy: Promise<void> | null = null;
  let copiedTransaction = -1;
  let copyDueMs = performance.now() + SNAPSHOT_MS;

  const copy = async () => {
    const { environment, generations } = parts;
    const transaction = environment.lastTransaction();
    if (performance.now() < copyDueMs || transaction === copiedTransaction) return;
    if (await isFresh(generations.snapshotFile)) return;
    const begunMs = performance.now();
    await snapshot(environment, generations.snapshotFile);
    copiedTransaction = transaction;
    // A large one is copied less often: a fiftieth of the time at most.
    copyDueMs = performance.now() + Math.max(SNAPSHOT_MS, 50 * (performance.now() - begunMs));
  };

  const round = async () => {
    try {
      if (!(await parts.generations.isCurrent(parts.environment))) return parts.leave(parts.environment);
      parts.environment.forgetDeadReaders();
      parts.gauges.repair();
      await parts.gauges.sweepOwners(isFirst);
      isFirst = false;
      while (!isEnded && (await sweep(parts)) === SWEEP_STEP) await nextTurn();
      if (!isEnded) await copy();
    } catch (cause) {
      if (!isEnded) parts.log.warn({ cause: String(cause) }, "key-value: maintenance failed");
    }
  };
  const begin = () => {
    if (isEnded) return;
    busy ??= round().finally(() => {
      busy = null;
    });
  };

  const timer = setInterval(begin, ROUND_MS);
  timer.unref();
  begin();
  return async () => {
    isEnded = true;
    clearInterval(timer);
    await busy;
  };
}

function sweep({ queue, clock }: MaintenanceParts): Promise<number> {
  return new Promise((resolve, reject) => {
    let swept = 0;
    queue.add({
      run: (environment) => {
        swept = sweepStep(environment, clock.now(), SWEEP_STEP);
      },
      done: () => resolve(swept),
      failed: reject,
    });
  });
}

/** Another process may have just made one. */
async function isFresh(file: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(file)).mtimeMs < SNAPSHOT_MS;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw cause;
  }
}

/** Whole on disk before it takes the place of the one before. Several processes may do so at once: each has a place of its own. */
export async function snapshot(environment: KeyValueEnvironment, file: string): Promise<void> {
  const fresh = `${file}.${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  // LMDB copies into a directory that is there.
  await mkdir(fresh, { mode: 0o700 });
  try {
    await environment.copyTo(fresh);
    const handle = await open(join(fresh, DATA_FILE), "r");
    await handle.sync().finally(() => handle.close());
    await rename(join(fresh, DATA_FILE), file);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
