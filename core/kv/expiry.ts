/**
 * Entries and the index by which the expired ones are found. Every entry has exactly one place in the index, at a time not behind
 * its expiry. A step of the sweep looks at a few places whose time has come: what has expired goes, what was prolonged moves.
 * Called inside transactions only.
 */

import { encodeRecord, expiryOf, indexEnd, indexedAtOf, indexedEntry, indexKey, indexTime } from "./record.ts";
import type { KeyValueEnvironment } from "./tables.ts";

const NOTHING = Buffer.alloc(0);

export interface Held {
  readonly expiresAtMs: number;
  readonly indexedAtMs: number;
}

export function putEntry(
  { entries, expiries }: KeyValueEnvironment,
  key: Buffer,
  held: Held | null,
  { expiresAtMs, json }: { readonly expiresAtMs: number; readonly json: string },
): void {
  const stays = held !== null && held.indexedAtMs <= expiresAtMs;
  const indexedAtMs = stays ? held.indexedAtMs : expiresAtMs;
  entries.put(key, encodeRecord({ expiresAtMs, indexedAtMs, json }));
  if (stays) return;
  if (held) expiries.remove(indexKey(held.indexedAtMs, key));
  expiries.put(indexKey(indexedAtMs, key), NOTHING);
}

export function removeEntry({ entries, expiries }: KeyValueEnvironment, key: Buffer, { indexedAtMs }: Held): void {
  entries.remove(key);
  expiries.remove(indexKey(indexedAtMs, key));
}

/** Answers how many places were looked at: fewer than `limit` means that nothing is left. */
export function sweepStep(environment: KeyValueEnvironment, nowMs: number, limit: number): number {
  const { entries, expiries } = environment;
  const due = [...expiries.getKeys({ end: indexEnd(nowMs), limit })];
  for (const place of due) {
    const key = Buffer.from(indexedEntry(place));
    const atMs = indexTime(place);
    expiries.remove(place);
    const bytes = entries.get(key);
    // A place that its entry does not know is left from nowhere: it goes.
    if (!bytes || indexedAtOf(bytes) !== atMs) continue;
    const expiresAtMs = expiryOf(bytes);
    if (expiresAtMs <= nowMs) entries.remove(key);
    else {
      bytes.writeUIntBE(expiresAtMs, 6, 6);
      entries.put(key, bytes);
      expiries.put(indexKey(expiresAtMs, key), NOTHING);
    }
  }
  return due.length;
}
