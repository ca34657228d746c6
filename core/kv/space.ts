/** One space: reads are answered from the mapped file, without a transaction of their own; changes go through the work queue. */
import type { Clock } from "../contracts/clock.ts";
import type { Kept, KeyValueSpace } from "../contracts/key-value.ts";
import { type Held, putEntry, removeEntry } from "./expiry.ts";
import { entryKey, keyText, rangeOf, spacePrefix } from "./keys.ts";
import { expiryOf, heldValue, indexedAtOf, jsonOf, timeOf } from "./record.ts";
import type { KeyValueEnvironment } from "./tables.ts";
import { Refused, type WorkQueue } from "./work-queue.ts";

export interface SpaceParts {
  readonly queue: WorkQueue;
  readonly clock: Clock;
  /** Reads what can be read now. */
  read<R>(work: (environment: KeyValueEnvironment) => R): Promise<R>;
  /** Throws when the store is full. */
  assertRoom(environment: KeyValueEnvironment): void;
}

export function createSpace<V>(name: string, parts: SpaceParts): KeyValueSpace<V> {
  const prefix = spacePrefix(name);
  const { clock } = parts;

  const change = (key: Buffer, decide: (held: V | null) => Kept<V> | null): Promise<V | null> =>
    new Promise((resolve, reject) => {
      let after: V | null = null;
      parts.queue.add({
        run(environment) {
          const bytes = environment.entries.getBinaryFast(key) as Buffer | undefined;
          const there: Held | null = bytes ? { expiresAtMs: expiryOf(bytes), indexedAtMs: indexedAtOf(bytes) } : null;
          const nowMs = clock.now();
          const held = bytes && there && there.expiresAtMs > nowMs ? (heldValue(bytes, bytes.length) as V) : null;
          const decided = refusing(() => {
            const kept = decide(held);
            if (kept === null) return { after: held, write: null };
            if (kept.value === null) return { after: null, write: "nothing" as const };
            const expiresAtMs = timeOf(kept.expiresAtMs);
            if (expiresAtMs <= nowMs) return { after: null, write: "nothing" as const };
            if (there === null) parts.assertRoom(environment);
            return { after: kept.value, write: { expiresAtMs, json: jsonOf(kept.value) } };
          });
          after = decided.after;
          if (decided.write === "nothing") {
            if (there) removeEntry(environment, key, there);
          } else if (decided.write) putEntry(environment, key, there, decided.write);
        },
        done: () => resolve(after),
        failed: reject,
      });
    });

  return {
    async get(key) {
      const stored = entryKey(prefix, key);
      return parts.read(({ entries }) => {
        const bytes = entries.getBinaryFast(stored) as Buffer | undefined;
        return bytes && expiryOf(bytes) > clock.now() ? (heldValue(bytes, bytes.length) as V) : null;
      });
    },
    update: async (key, decide) => change(entryKey(prefix, key), decide),
    async delete(key) {
      await change(entryKey(prefix, key), () => ({ value: null, expiresAtMs: 0 }));
    },
    async list(beginning, limit) {
      const range = rangeOf(prefix, beginning);
      return parts.read(({ entries }) => {
        const found: { key: string; value: V }[] = [];
        if (limit <= 0) return found;
        const nowMs = clock.now();
        for (const { key, value } of entries.getRange(range)) {
          if (expiryOf(value) <= nowMs) continue;
          found.push({ key: keyText(prefix, key as Uint8Array), value: heldValue(value, value.length) as V });
          if (found.length >= limit) break;
        }
        return found;
      });
    },
  };
}

/** What the caller's part throws is the caller's. */
function refusing<R>(work: () => R): R {
  try {
    return work();
  } catch (cause) {
    throw new Refused("refused", { cause });
  }
}
