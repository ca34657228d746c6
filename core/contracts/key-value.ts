/**
 * Small facts that workers share and that outlive a restart: counters, greylists, caches of verdicts, bans. Not for mail.
 * Every call rejects when the store cannot answer now: the caller's plugin then defers, as with any fault.
 */
import { defineService } from "./service.ts";

/** What is to stand under the key from now on. `value: null` removes it. */
export interface Kept<V> {
  readonly value: V | null;
  /** When it is forgotten, in milliseconds since 1970. Nothing is kept for ever. */
  readonly expiresAtMs: number;
}

/** A share of a live gauge (connections now open, say); ends with `release`, or with the worker that holds it. */
export interface Lease {
  /** How many were held when this one was granted, this one included. */
  readonly held: number;
  /** Safe to call twice. Never rejects. */
  release(): void;
}

/** Values are plain JSON data. Keys are cut to a hash when they are long, so a client cannot grow them. */
export interface KeyValueSpace<V> {
  /** `null` when there is nothing, or when it has expired. */
  get(key: string): Promise<V | null>;
  /**
   * Reads, changes and writes in one step that no other worker can come between. `change` must be quick, synchronous and free
   * of effects: it may be called again. `null` leaves everything as it is. Resolves with what stands there afterwards.
   */
  update(key: string, change: (held: V | null) => Kept<V> | null): Promise<V | null>;
  delete(key: string): Promise<void>;
  /** Entries not expired whose key begins with the prefix, in order of keys, `limit` at most. For commands, not for the mail path. */
  list(prefix: string, limit: number): Promise<readonly { readonly key: string; readonly value: V }[]>;
}

export interface KeyValue {
  /** A room of its own: keys of one space never meet those of another. Name it after the plugin's entry. */
  space<V>(name: string): KeyValueSpace<V>;
  /** Counts one more under `gauge`; `null` when `limit` are held already. Leases of a killed worker end as soon as it is gone. */
  lease(gauge: string, limit: number): Promise<Lease | null>;
}
export const KeyValue = defineService<KeyValue>("postern/key-value@1");
