/**
 * Writes of one process, many to a transaction: what was asked for in one turn of the event loop is done together, for two
 * milliseconds at most, then others have their turn. When a transaction fails, its jobs are tried one by one, so that only the
 * one at fault hears of it. A job never sees half of another.
 */

import { KeyValueError } from "./key-value-error.ts";
import type { KeyValueEnvironment } from "./tables.ts";

export interface Job {
  /** Done inside the transaction. What it throws as a `Refused` concerns this job alone; all else fails the transaction. */
  run(environment: KeyValueEnvironment): void;
  /** Takes back what `run` did in memory, as far as it came: the transaction failed. */
  undo?(): void;
  done(): void;
  failed(cause: unknown): void;
}

/** This job cannot be done, and has written nothing. */
export class Refused extends Error {}

export interface WorkQueue {
  add(job: Job): void;
  /** Resolves when nothing is waiting. */
  idle(): Promise<void>;
}

const BATCH_JOBS = 256;
const BATCH_MS = 2;
/** A client can make jobs faster than a disk takes them; beyond this they are refused, and its mail deferred. */
const WAITING_JOBS = 50_000;

export interface WorkQueueParts {
  /** The environment, or `null` while it is being opened: `opened` is called then. */
  environment(): KeyValueEnvironment | null;
  opened(): Promise<KeyValueEnvironment>;
  /** Called inside each transaction, after its jobs. */
  afterJobs(environment: KeyValueEnvironment, jobs: number): void;
  /** A transaction of one job failed. */
  onFailure(cause: unknown, environment: KeyValueEnvironment): void;
}

export function createWorkQueue(parts: WorkQueueParts): WorkQueue {
  let waiting: Job[] = [];
  let isScheduled = false;
  const idlers: (() => void)[] = [];

  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(work);
  };

  const work = async () => {
    try {
      const environment = parts.environment() ?? (await parts.opened());
      const jobs = waiting.splice(0, BATCH_JOBS);
      const left = doTogether(environment, jobs, parts);
      if (left.length > 0) waiting = [...left, ...waiting];
    } catch (cause) {
      for (const job of waiting.splice(0)) job.failed(cause);
    }
    isScheduled = false;
    if (waiting.length > 0) schedule();
    else for (const wake of idlers.splice(0)) wake();
  };

  return {
    add(job) {
      if (waiting.length >= WAITING_JOBS) {
        job.failed(new KeyValueError("FULL", "too many changes are waiting for the KeyValue store"));
        return;
      }
      waiting.push(job);
      schedule();
    },
    idle: () => (isScheduled ? new Promise((resolve) => idlers.push(resolve)) : Promise.resolve()),
  };
}

/** Answers what there was no time for. */
function doTogether(environment: KeyValueEnvironment, jobs: readonly Job[], parts: WorkQueueParts): readonly Job[] {
  const settled: (() => void)[] = [];
  /** Also the one at which it failed: it may have come half of the way. */
  const begun: Job[] = [];
  let next = 0;
  const begunMs = performance.now();
  try {
    environment.transact(() => {
      for (const job of jobs) {
        if ((next & 7) === 7 && performance.now() - begunMs > BATCH_MS) break;
        next += 1;
        begun.push(job);
        try {
          job.run(environment);
        } catch (cause) {
          if (!(cause instanceof Refused)) throw cause;
          settled.push(() => job.failed(cause.cause));
          continue;
        }
        settled.push(() => job.done());
      }
      parts.afterJobs(environment, next);
    });
  } catch (cause) {
    for (const job of begun.reverse()) job.undo?.();
    return afterFailure(environment, jobs, cause, parts);
  }
  for (const settle of settled) settle();
  return jobs.slice(next);
}

function afterFailure(
  environment: KeyValueEnvironment,
  jobs: readonly Job[],
  cause: unknown,
  parts: WorkQueueParts,
): readonly Job[] {
  const [only] = jobs;
  if (jobs.length === 1 && only) {
    parts.onFailure(cause, environment);
    only.failed(new KeyValueError("BROKEN", "the KeyValue store cannot answer now", { cause }));
    return [];
  }
  for (const [index, job] of jobs.entries()) {
    // Once it is closed there is nothing to try the others in.
    if (parts.environment() !== environment) return jobs.slice(index);
    doTogether(environment, [job], parts);
  }
  return [];
}
