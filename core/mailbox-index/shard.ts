/**
 * One environment of the index as this process uses it: opened at the first use, left when it turns out to be damaged or another
 * process has begun a new one, bounded in size. Nothing rejects or throws: what fails is logged, and answers `null`.
 */
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import { isDamage, openEnvironment } from "../kv/environment.ts";
import { createGenerations } from "../kv/generations.ts";
import { createOwners } from "../kv/owners.ts";
import { type ShardEnvironment, TABLES } from "./environment.ts";
import { makeRoom } from "./make-room.ts";
import { createWriter, type Writer } from "./writer.ts";

export interface Shard {
  /** Opens the environment; `null` if that cannot be done now. */
  open(): Promise<ShardEnvironment | null>;
  /** Works with the environment where it is open; `null` where it is not, or where that failed. */
  with<R>(work: (environment: ShardEnvironment) => R): R | null;
  /** Like it, as one transaction. `null` also where there is no room. */
  transact<R>(work: (environment: ShardEnvironment) => R): R | null;
  readonly writer: Writer;
  close(): Promise<void>;
}

export interface ShardParts {
  readonly directory: string;
  readonly ceilingBytes: number;
  readonly log: Log;
  readonly clock: Clock;
}

const ROUND_MS = 30_000;
/** After a failure the index is not tried again for this time. */
const PAUSE_MS = 10_000;
/** Bytes in use are counted once in so many transactions. */
const COUNTED_EVERY = 64;

export function createShard({ directory, ceilingBytes, log, clock }: ShardParts): Shard {
  const owners = createOwners(join(directory, "owners"));
  const generations = createGenerations<ShardEnvironment>({
    ...{ directory, owners, log, name: "mailbox index", tables: TABLES, keepsDamaged: false },
    openEnvironment: (place) => openEnvironment(place, { tables: TABLES, mapBytes: ceilingBytes }),
  });
  let current: ShardEnvironment | null = null;
  let opening: Promise<ShardEnvironment | null> | null = null;
  let closing: Promise<void> | null = null;
  let left = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;
  let busy = Promise.resolve();
  let pausedUntilMs = 0;
  let transactions = 0;
  let isFull = false;

  const leave = (environment: ShardEnvironment): void => {
    if (current !== environment) return;
    current = null;
    if (timer) clearInterval(timer);
    left = left
      .then(() => environment.close())
      .catch((cause: unknown) => log.warn({ cause: String(cause) }, "mailbox index: not closed cleanly"));
  };

  const onFault = (cause: unknown, environment: ShardEnvironment): void => {
    log.error({ cause: String(cause), directory: environment.directory }, "mailbox index: cannot be used");
    pausedUntilMs = performance.now() + PAUSE_MS;
    if (current !== environment) return;
    if (isDamage(cause)) generations.condemn(environment);
    leave(environment);
  };

  const guarded = <R>(work: (environment: ShardEnvironment) => R): R | null => {
    const environment = current;
    if (!environment) return null;
    try {
      return work(environment);
    } catch (cause) {
      onFault(cause, environment);
      return null;
    }
  };

  const round = async (environment: ShardEnvironment): Promise<void> => {
    try {
      if (!(await generations.isCurrent(environment))) return leave(environment);
      if (current === environment) environment.forgetDeadReaders();
    } catch (cause) {
      log.warn({ cause: String(cause) }, "mailbox index: maintenance failed");
    }
  };

  const begin = async (): Promise<ShardEnvironment | null> => {
    try {
      await left;
      const environment = await generations.open();
      current = environment;
      transactions = COUNTED_EVERY;
      timer = setInterval(() => {
        busy = busy.then(() => round(environment));
      }, ROUND_MS);
      timer.unref();
      return environment;
    } catch (cause) {
      pausedUntilMs = performance.now() + PAUSE_MS;
      log.error({ cause: String(cause), directory }, "mailbox index: cannot be opened; mailboxes do without");
      return null;
    }
  };

  const shard: Shard = {
    async open() {
      if (closing || (!current && performance.now() < pausedUntilMs)) return null;
      opening ??= (current ? Promise.resolve(current) : begin()).finally(() => {
        opening = null;
      });
      return opening;
    },
    with: (work) =>
      guarded((environment) => {
        environment.refresh();
        return work(environment);
      }),
    transact: (work) =>
      guarded((environment) => {
        if (++transactions >= COUNTED_EVERY) {
          transactions = 0;
          isFull = environment.usedBytes() > ceilingBytes && !makeRoom(environment, ceilingBytes, clock);
          if (isFull) log.warn({ directory, ceilingBytes }, "mailbox index: full; nothing new is kept for now");
        }
        return isFull ? null : environment.transact(() => work(environment));
      }),
    writer: createWriter((work) => shard.transact(work) !== null),
    close() {
      closing ??= (async () => {
        if (timer) clearInterval(timer);
        await opening;
        await busy;
        await left;
        shard.writer.flush();
        const environment = current;
        current = null;
        if (environment) await generations.close(environment);
        else owners.leave();
      })().catch((cause: unknown) => log.warn({ cause: String(cause) }, "mailbox index: not closed cleanly"));
      return closing;
    },
  };
  return shard;
}
