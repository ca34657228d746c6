/**
 * What is due, in order of due time: first what the ledger knows, then names on disk, bucket by bucket; within a bucket of more than
 * 65,536 names in order of due time for each 65,536 of them, so that memory stays bounded. Keeps nothing from one call to the next.
 */
import type { DeferredFiles } from "./deferred-files.ts";
import { bucketStart, type DeferredName, neverDue } from "./layout.ts";
import type { Ledger } from "./ledger.ts";

export interface Due {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
}

const chunkNames = 65_536;
const handful = 256;

/** In handfuls: a step of its own for each of a million would cost more than finding it. */
export async function* recoveredUntil(
  ledger: Ledger,
  deferred: DeferredFiles,
  until: number,
): AsyncIterable<readonly Due[]> {
  const horizon = Math.min(until, neverDue);
  const loaded = [...ledger.entries.values()].flatMap(({ id, dueAt }) => (dueAt < horizon ? { id, dueAt } : []));
  const isLoaded = new Set(loaded.map(({ id }) => id));
  const inOrder = loaded.sort(byDue).values();
  let next = inOrder.next();
  const loadedUntil = (dueAt: number, into: Due[]): void => {
    for (; !next.done && next.value.dueAt <= dueAt; next = inOrder.next()) {
      if (ledger.dueAtOf(next.value.id) === next.value.dueAt) into.push(next.value);
    }
  };
  for (const bucket of await deferred.buckets()) {
    if (bucketStart(bucket) >= horizon) break;
    for await (const names of chunksOf(deferred.namesIn(bucket))) {
      for (let from = 0; from < names.length; from += handful) {
        const due: Due[] = [];
        for (const name of names.slice(from, from + handful)) {
          loadedUntil(name.dueAt, due);
          // A name that is on its way out, or that has changed since it was seen, is nobody's.
          if (isLoaded.has(name.id) || ledger.filed.get(name.id) !== name.dueAt) continue;
          const dueAt = ledger.dueAtOf(name.id);
          if (dueAt !== null && dueAt < horizon) due.push({ id: name.id, dueAt });
        }
        yield due;
      }
    }
  }
  const rest: Due[] = [];
  loadedUntil(horizon, rest);
  yield rest;
}

async function* chunksOf(names: AsyncIterable<readonly DeferredName[]>): AsyncIterable<readonly DeferredName[]> {
  let chunk: DeferredName[] = [];
  for await (const some of names) {
    for (const name of some) chunk.push(name);
    if (chunk.length < chunkNames) continue;
    yield chunk.sort(byDue);
    chunk = [];
  }
  yield chunk.sort(byDue);
}

const byDue = (one: Due, other: Due): number => one.dueAt - other.dueAt;
