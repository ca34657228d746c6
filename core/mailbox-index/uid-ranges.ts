/** Sets of UIDs as ranges: ascending, no two of them touch. */
import type { UidRange } from "../contracts/mailbox-store.ts";

export function rangesOf(uids: Iterable<number>): UidRange[] {
  const ranges: UidRange[] = [];
  let first = 0;
  let last = -1;
  for (const uid of [...uids].sort((a, b) => a - b)) {
    if (uid <= last + 1 && last >= 0) {
      last = Math.max(last, uid);
      continue;
    }
    if (last >= 0) ranges.push({ first, last });
    first = last = uid;
  }
  if (last >= 0) ranges.push({ first, last });
  return ranges;
}

/** What any of them has. */
export function joined(ranges: readonly UidRange[]): UidRange[] {
  const found: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = found.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else found.push({ first, last });
  }
  return found;
}

export function* uidsIn(ranges: readonly UidRange[]): Generator<number> {
  for (const { first, last } of ranges) for (let uid = first; uid <= last; uid++) yield uid;
}
