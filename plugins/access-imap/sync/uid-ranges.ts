/** Ascending ranges of UIDs: what they have in common, and how they are written. */
import type { UidRange } from "postern/plugin";

/** Both ascending and without overlaps. */
export function commonRanges(a: readonly UidRange[], b: readonly UidRange[]): UidRange[] {
  const common: UidRange[] = [];
  let at = 0;
  for (const { first, last } of a) {
    while (at < b.length && (b[at] as UidRange).last < first) at++;
    for (let index = at; index < b.length; index++) {
      const other = b[index] as UidRange;
      if (other.first > last) break;
      common.push({ first: Math.max(first, other.first), last: Math.min(last, other.last) });
    }
  }
  return common;
}

/** Without some UIDs; those are ascending, too. */
export function rangesWithout(ranges: readonly UidRange[], uids: readonly number[]): UidRange[] {
  if (uids.length === 0) return [...ranges];
  const kept: UidRange[] = [];
  let at = 0;
  for (const { first, last } of ranges) {
    let from = first;
    while (at < uids.length && (uids[at] as number) < from) at++;
    for (; at < uids.length && (uids[at] as number) <= last; at++) {
      const uid = uids[at] as number;
      if (uid > from) kept.push({ first: from, last: uid - 1 });
      from = uid + 1;
    }
    if (from <= last) kept.push({ first: from, last });
  }
  return kept;
}

/** As a UID set. */
export const formatRanges = (ranges: readonly UidRange[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}:${last}`)).join(",");
