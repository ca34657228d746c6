/**
 * Live gauges. On disk a gauge is a small table: owner -> how many it holds; each owner writes only its own share, always the whole
 * of it, so that a write that failed is made good by the next. Shares of owners that are gone do not count, and are dropped by
 * whoever comes across them. Counting costs one read, plus a look at each other process that holds a share.
 */
import type { Lease } from "../contracts/key-value.ts";
import { entryKey } from "./keys.ts";
import type { Owners } from "./owners.ts";
import type { KeyValueEnvironment } from "./tables.ts";
import type { Job, WorkQueue } from "./work-queue.ts";

export interface Gauges {
  lease(gauge: string, limit: number): Promise<Lease | null>;
  /** Leases are the process's, not the environment's: writes them all where there was none before. */
  restore(): void;
  /** Ends all leases of this process. */
  leave(environment: KeyValueEnvironment): void;
  /** Looks for owners that are gone and drops what they held, in small steps; `all`: also if none is known to be gone. */
  sweepOwners(all: boolean): Promise<void>;
  /** Writes shares whose write had failed. */
  repair(): void;
}

type Shares = Record<string, number>;

const PREFIX = Buffer.from("g");
const SWEEP_STEP = 64;

export function createGauges(queue: WorkQueue, owners: Owners): Gauges {
  const { ownId } = owners;
  /** What this process holds, by key on disk in latin1. */
  const held = new Map<string, number>();
  const unwritten = new Map<string, Buffer>();
  const swept = new Set<string>();

  const sharesOf = (environment: KeyValueEnvironment, key: Buffer): Shares => {
    const bytes = environment.gauges.get(key);
    return bytes ? (JSON.parse(bytes.toString()) as Shares) : {};
  };
  /** Shares that count, without our own. */
  const othersOf = (environment: KeyValueEnvironment, key: Buffer): Shares => {
    const others: Shares = {};
    for (const [id, count] of Object.entries(sharesOf(environment, key))) {
      if (id !== ownId && !owners.isGone(id)) others[id] = count;
    }
    return others;
  };
  const putShares = ({ gauges }: KeyValueEnvironment, key: Buffer, shares: Shares): void => {
    if (Object.keys(shares).length === 0) gauges.remove(key);
    else gauges.put(key, Buffer.from(JSON.stringify(shares)));
  };
  const putOwn = (environment: KeyValueEnvironment, key: Buffer, own: number, others: Shares): void =>
    putShares(environment, key, own > 0 ? { ...others, [ownId]: own } : others);

  const add = (key: string, change: number): number => {
    const own = (held.get(key) ?? 0) + change;
    if (own > 0) held.set(key, own);
    else held.delete(key);
    return own;
  };

  const write = (id: string, key: Buffer): void => {
    queue.add({
      run: (environment) => putOwn(environment, key, held.get(id) ?? 0, othersOf(environment, key)),
      done: () => unwritten.delete(id),
      failed: () => unwritten.set(id, key),
    });
  };

  const releaseOf = (id: string, key: Buffer): (() => void) => {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      add(id, -1);
      write(id, key);
    };
  };

  return {
    lease(gauge, limit) {
      const key = entryKey(PREFIX, gauge);
      const id = key.toString("latin1");
      return new Promise((resolve, reject) => {
        let count = 0;
        let isGranted = false;
        const job: Job = {
          run(environment) {
            const others = othersOf(environment, key);
            const before = Object.values(others).reduce((sum, share) => sum + share, held.get(id) ?? 0);
            if (before >= limit) return;
            count = before + 1;
            const own = add(id, 1);
            isGranted = true;
            putOwn(environment, key, own, others);
          },
          undo: () => {
            if (isGranted) add(id, -1);
            isGranted = false;
          },
          done: () => resolve(isGranted ? { held: count, release: releaseOf(id, key) } : null),
          failed: reject,
        };
        queue.add(job);
      });
    },
    restore() {
      for (const id of held.keys()) write(id, Buffer.from(id, "latin1"));
    },
    leave: (environment) =>
      environment.transact(() => {
        for (const id of held.keys()) {
          const key = Buffer.from(id, "latin1");
          putOwn(environment, key, 0, othersOf(environment, key));
        }
      }),
    repair() {
      for (const [id, key] of unwritten) write(id, key);
    },
    async sweepOwners(all) {
      const gone = owners.gone();
      if (!all && gone.every((id) => swept.has(id))) return;
      for (let after: Buffer | null = PREFIX; after !== null; ) {
        const start: Buffer = after;
        after = await stepOf(queue, (environment) => {
          const keys = [...environment.gauges.getKeys({ start, limit: SWEEP_STEP })].map((key) => Buffer.from(key));
          for (const key of keys) {
            const shares = Object.entries(sharesOf(environment, key));
            const left = shares.filter(([id]) => !owners.isGone(id));
            if (left.length < shares.length) putShares(environment, key, Object.fromEntries(left));
          }
          const last = keys.at(-1);
          return keys.length < SWEEP_STEP || !last ? null : Buffer.concat([last, Buffer.alloc(1)]);
        });
      }
      for (const id of gone) swept.add(id);
    },
  };
}

function stepOf<R>(queue: WorkQueue, work: (environment: KeyValueEnvironment) => R): Promise<R> {
  return new Promise((resolve, reject) => {
    let result: R;
    queue.add({
      run: (environment) => {
        result = work(environment);
      },
      done: () => resolve(result),
      failed: reject,
    });
  });
}
