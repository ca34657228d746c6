/** Puts hits in order (RFC 5256 3). What is equal under all keys stands in the order of the mailbox. */
import type { Mailbox } from "postern/plugin";
import type { Pace } from "../pace.ts";
import type { Gathered } from "./gather.ts";
import { eachOverview } from "./overviews.ts";
import type { Hit } from "./search.ts";
import { compareValues, needsOverview, type SortKey, type SortValue, sortValue } from "./sort-key.ts";

interface Row {
  readonly hit: Hit;
  readonly values: readonly SortValue[];
}

export async function sortHits(
  { hits, isComplete }: Gathered,
  keys: readonly SortKey[],
  where: { readonly mailbox: Mailbox; readonly pace: Pace },
): Promise<Gathered> {
  const rows: Row[] = [];
  if (!needsOverview(keys)) {
    for (const hit of hits) rows.push({ hit, values: keys.map((key) => sortValue(key, hit, null)) });
    return { hits: await ordered(rows, keys, where.pace), isComplete };
  }
  const areThere = await eachOverview(where, hits, (hit, overview) => {
    rows.push({ hit, values: keys.map((key) => sortValue(key, hit, overview)) });
  });
  return { hits: await ordered(rows, keys, where.pace), isComplete: isComplete && areThere };
}

/** Rows sorted at a time, so that others have their turn in between. */
const runLength = 2048;

/** A merge sort whose runs are sorted by the engine: stable, and interrupted. */
async function ordered(rows: readonly Row[], keys: readonly SortKey[], pace: Pace): Promise<readonly Hit[]> {
  const compare = comparison(keys);
  let runs: Row[][] = [];
  for (let at = 0; at < rows.length; at += runLength) {
    runs.push(rows.slice(at, at + runLength).sort(compare));
    await pace.breathe();
  }
  while (runs.length > 1) {
    const merged: Row[][] = [];
    for (let at = 0; at < runs.length; at += 2)
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], { compare, pace }));
    runs = merged;
  }
  return (runs[0] ?? []).map(({ hit }) => hit);
}

type Compare = (a: Row, b: Row) => number;

async function merge(
  left: readonly Row[],
  right: readonly Row[],
  { compare, pace }: { readonly compare: Compare; readonly pace: Pace },
): Promise<Row[]> {
  const merged: Row[] = [];
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    const [a, b] = [left[l], right[r]];
    if (a && (!b || compare(a, b) <= 0)) {
      merged.push(a);
      l++;
    } else if (b) {
      merged.push(b);
      r++;
    }
    if (merged.length % runLength === 0) await pace.breathe();
  }
  return merged;
}

function comparison(keys: readonly SortKey[]): Compare {
  return (a, b) => {
    for (const [at, { isReverse }] of keys.entries()) {
      const order = compareValues(a.values[at] ?? "", b.values[at] ?? "");
      if (order !== 0) return isReverse ? -order : order;
    }
    // RFC 5256 3: sequence numbers decide, REVERSE or not.
    return a.hit.number - b.hit.number;
  };
}
