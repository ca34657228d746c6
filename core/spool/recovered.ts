/**
 * What waits on disk and nobody has been told of yet, in order of due time; within a bucket of more than 65,536 names in
 * order of due time for each 65,536 of them, so that memory stays bounded.
 */
import type { DeferredFiles } from "./deferred-files.ts";
import type { Entry } from "./entry.ts";
import { bucketStart, type DeferredName } from "./layout.ts";
import type { Ledger } from "./ledger.ts";

export interface Due {
  readonly id: string;
  readonly dueAt: number;
}

const chunkNames = 65_536;

export async function* recoveredUntil(ledger: Ledger, deferred: DeferredFiles, until: number): AsyncIterable<Due> {
  const loaded = [...ledger.entries.values()]
    .filter((entry) => !entry.isKnown && entry.dueAt < until)
    .sort((one, other) => one.dueAt - other.dueAt)
    .values();
  let next = loaded.next();
  for (const bucket of await deferred.buckets()) {
    if (bucketStart(bucket) >= until) break;
    for await (const names of chunksOf(deferred.namesIn(bucket))) {
      for (const name of names) {
        for (; !next.done && next.value.dueAt <= name.dueAt; next = loaded.next()) yield* tell(next.value);
        const entry = name.dueAt < until ? ledger.meet(name) : null;
        if (entry) yield* tell(entry);
      }
    }
  }
  for (; !next.done; next = loaded.next()) yield* tell(next.value);
}

function* tell(entry: Entry): Iterable<Due> {
  if (entry.isKnown || entry.isRemoved) return;
  entry.isKnown = true;
  yield { id: entry.id, dueAt: entry.dueAt };
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

const byDue = (one: DeferredName, other: DeferredName): number => one.dueAt - other.dueAt;
