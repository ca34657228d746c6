/**
 * Writes that nobody waits for: what was found out about messages is written a little later, many at a time. Bounded; what does not fit
 * is forgotten, as it can be found out again.
 */
import type { ShardEnvironment } from "./environment.ts";

export interface Write {
  /** Octets that it keeps in memory until then. */
  readonly bytes: number;
  run(environment: ShardEnvironment): void;
}

export interface Writer {
  add(write: Write): void;
  /** Writes what waits, now. */
  flush(): void;
}

/** So long writes wait for others. */
const DELAY_MS = 20;
const BATCH = 256;
const BATCH_MS = 2;
const WAITING_BYTES = 16 * 1024 * 1024;

/** `transact` answers whether it was done. */
export function createWriter(transact: (work: (environment: ShardEnvironment) => true) => boolean): Writer {
  const waiting: Write[] = [];
  let bytes = 0;
  let isScheduled = false;

  const batch = (limitMs: number): void => {
    const begunMs = performance.now();
    let next = 0;
    const isDone = transact((environment) => {
      for (; next < Math.min(BATCH, waiting.length); next++) {
        if ((next & 15) === 15 && performance.now() - begunMs > limitMs) break;
        waiting[next]?.run(environment);
      }
      return true;
    });
    for (const done of waiting.splice(0, isDone ? next : waiting.length)) bytes -= done.bytes;
  };
  const work = () => {
    isScheduled = false;
    batch(BATCH_MS);
    if (waiting.length === 0) return;
    isScheduled = true;
    setImmediate(work);
  };

  return {
    add(write) {
      if (bytes + write.bytes > WAITING_BYTES) return;
      bytes += write.bytes;
      waiting.push(write);
      if (isScheduled) return;
      isScheduled = true;
      setTimeout(work, DELAY_MS).unref();
    },
    flush() {
      while (waiting.length > 0) batch(Number.POSITIVE_INFINITY);
    },
  };
}
