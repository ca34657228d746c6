/**
 * The embedded `KeyValue` (ADR 7): one LMDB environment below the data directory, shared by all worker processes, opened at the
 * first use. Calls reject with a `KeyValueError` while it cannot answer; nothing here ends the process. What is found damaged is
 * set aside, and all begins anew.
 */
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { KeyValue } from "../contracts/key-value.ts";
import type { Log } from "../contracts/log.ts";
import { isDamage, openEnvironment } from "./environment.ts";
import { sweepStep } from "./expiry.ts";
import { createGauges } from "./gauges.ts";
import { createGenerations } from "./generations.ts";
import { KeyValueError } from "./key-value-error.ts";
import { maintain } from "./maintenance.ts";
import { createOwners } from "./owners.ts";
import { createSpace } from "./space.ts";
import { type KeyValueEnvironment, TABLES } from "./tables.ts";
import { createWorkQueue } from "./work-queue.ts";

export interface KeyValueOptions {
  /** Made at the first use. */
  readonly directory: string;
  /** What may be kept; the file may be somewhat larger. */
  readonly ceilingBytes?: number;
  readonly log: Log;
  readonly clock: Clock;
}

export interface OpenKeyValue extends KeyValue {
  /** Ends all leases of this process and writes what is left to be written. Safe to call twice. */
  close(): Promise<void>;
}

const CEILING_BYTES = 256 * 1024 * 1024;
/** Bytes in use are counted once in so many jobs. */
const COUNTED_EVERY = 64;
/** Each change also sweeps what two changes may have left. */
const SWEPT_PER_JOB = 2;

export function createKeyValue(options: KeyValueOptions): OpenKeyValue {
  const { log, clock, ceilingBytes = CEILING_BYTES } = options;
  const owners = createOwners(join(options.directory, "owners"));
  const generations = createGenerations({
    ...{ directory: options.directory, owners, log, name: "key-value", tables: TABLES, keepsDamaged: true },
    openEnvironment: (directory) => openEnvironment(directory, { tables: TABLES, mapBytes: ceilingBytes }),
  });
  let current: KeyValueEnvironment | null = null;
  let opening: Promise<KeyValueEnvironment> | null = null;
  let closing: Promise<void> | null = null;
  let endMaintenance: () => Promise<void> = async () => {};
  let left = Promise.resolve();
  let jobsSinceCount = 0;
  let jobsSinceSweep = 0;
  let isFull = false;
  let isKnown = false;

  const assertOpen = () => {
    if (closing) throw new KeyValueError("CLOSED", "the KeyValue store is closed");
  };

  const opened = async (): Promise<KeyValueEnvironment> => {
    assertOpen();
    opening ??= open().finally(() => {
      opening = null;
    });
    return current ?? opening;
  };

  const open = async (): Promise<KeyValueEnvironment> => {
    const environment = await generations.open();
    current = environment;
    jobsSinceCount = COUNTED_EVERY;
    gauges.restore();
    isKnown = true;
    endMaintenance = maintain({ queue, gauges, generations, environment, clock, log, leave });
    return environment;
  };

  /** Another is to be opened at the next call. */
  const leave = (environment: KeyValueEnvironment): void => {
    if (current !== environment) return;
    current = null;
    left = endMaintenance()
      .then(() => environment.close())
      .catch((cause) => log.warn({ cause: String(cause) }, "key-value: not closed cleanly"));
  };

  const onFault = (cause: unknown, environment: KeyValueEnvironment, text: string): void => {
    log.error({ cause: String(cause) }, text);
    if (!isDamage(cause) || current !== environment) return;
    generations.condemn(environment);
    leave(environment);
  };

  const queue = createWorkQueue({
    environment: () => current,
    opened,
    afterJobs(environment, jobs) {
      jobsSinceCount += jobs;
      jobsSinceSweep += jobs;
      if (isFull || jobsSinceSweep >= COUNTED_EVERY / SWEPT_PER_JOB) {
        sweepStep(environment, clock.now(), Math.max(COUNTED_EVERY, jobsSinceSweep * SWEPT_PER_JOB));
        jobsSinceSweep = 0;
      }
    },
    onFailure: (cause, environment) => onFault(cause, environment, "key-value: a change failed"),
  });
  const gauges = createGauges(queue, owners);

  const parts = {
    queue,
    clock,
    async read<R>(work: (environment: KeyValueEnvironment) => R): Promise<R> {
      const environment = current ?? (await opened());
      assertOpen();
      try {
        environment.refresh();
        return work(environment);
      } catch (cause) {
        onFault(cause, environment, "key-value: could not be read");
        throw new KeyValueError("BROKEN", "the KeyValue store cannot answer now", { cause });
      }
    },
    assertRoom(environment: KeyValueEnvironment) {
      if (isFull || jobsSinceCount >= COUNTED_EVERY) {
        jobsSinceCount = 0;
        const was = isFull;
        isFull = environment.usedBytes() >= ceilingBytes;
        if (isFull && !was) log.error({ ceilingBytes }, "key-value: full; nothing new is kept");
      }
      if (isFull) throw new KeyValueError("FULL", "the KeyValue store is full");
    },
  };

  return {
    space: (name) => createSpace(name, parts),
    async lease(gauge, limit) {
      assertOpen();
      return gauges.lease(gauge, limit);
    },
    close() {
      closing ??= (async () => {
        await endMaintenance();
        await left;
        await Promise.allSettled([opening]);
        await queue.idle();
        const environment = current;
        current = null;
        if (!environment) return isKnown ? owners.leave() : undefined;
        gauges.leave(environment);
        await generations.close(environment);
      })();
      return closing;
    },
  };
}
