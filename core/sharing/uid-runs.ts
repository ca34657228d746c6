/** Sets of UIDs as runs: ascending, no two of them touch. Texts as in IMAP: `1:5,9`. */
import type { Snapshot, UidRange } from "../contracts/mailbox-store.ts";

export type Runs = readonly UidRange[];

export function runsOf(uids: Iterable<number>): Runs {
  return joinedRuns([...uids].map((uid) => ({ first: uid, last: uid })));
}

export function joinedRuns(...several: readonly Runs[]): Runs {
  const found: { first: number; last: number }[] = [];
  for (const { first, last } of several.flat().sort((a, b) => a.first - b.first)) {
    const before = found.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else found.push({ first, last });
  }
  return found;
}

export function runsWithout(runs: Runs, taken: Runs): Runs {
  const left: UidRange[] = [];
  let at = 0;
  for (const run of runs) {
    let first = run.first;
    while (at < taken.length && (taken[at] as UidRange).last < first) at++;
    for (let index = at; index < taken.length; index++) {
      const gone = taken[index] as UidRange;
      if (gone.first > run.last) break;
      if (gone.first > first) left.push({ first, last: gone.first - 1 });
      first = gone.last + 1;
    }
    if (first <= run.last) left.push({ first, last: run.last });
  }
  return left;
}

/** Index of the run that has `uid`, or of the first behind it. */
export function runAt(runs: Runs, uid: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle] as UidRange).last < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function hasUid(runs: Runs, uid: number): boolean {
  const run = runs[runAt(runs, uid)];
  return run !== undefined && run.first <= uid;
}

/** How many messages of the mailbox are in them. */
export function countIn(runs: Runs, snapshot: Snapshot): number {
  let count = 0;
  for (const { first, last } of runs) count += snapshot.indexOf(last + 1) - snapshot.indexOf(first);
  return count;
}

/**
 * The same for the messages of the mailbox in fewer runs: UIDs that are gone never come back, so they may be in or out. From `uidNext` on
 * nothing is.
 */
export function compactRuns(runs: Runs, snapshot: Snapshot): Runs {
  const found: { first: number; last: number }[] = [];
  let behind = -1;
  for (const { first, last } of runs) {
    const from = snapshot.indexOf(first);
    const to = snapshot.indexOf(Math.min(last + 1, snapshot.uidNext));
    if (from >= to) continue;
    const run = { first: snapshot.at(from).uid, last: snapshot.at(to - 1).uid };
    const before = found.at(-1);
    if (before && from === behind) before.last = run.last;
    else found.push(run);
    behind = to;
  }
  return found;
}

export const formatRuns = (runs: Runs): string =>
  runs.map(({ first, last }) => (first === last ? `${first}` : `${first}:${last}`)).join(",");

/** `null`: these are none. */
export function parseRuns(text: string): Runs | null {
  if (text === "") return [];
  const runs: UidRange[] = [];
  for (const part of text.split(",")) {
    const found = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(part);
    if (!found) return null;
    const first = Number(found[1]);
    const last = Number(found[2] ?? found[1]);
    if (first < 1 || last < first || last > 4_294_967_295 || first <= (runs.at(-1)?.last ?? 0)) return null;
    runs.push({ first, last });
  }
  return runs;
}
