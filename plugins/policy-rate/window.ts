/**
 * A sliding window from two buckets: what came in the window before counts for the share of it that still lies within. So a
 * limit holds over any stretch of time, nearly: the estimate is exact when events come evenly, and off by the unevenness of the
 * window before. Pure; three numbers, whatever the limit.
 */

/** Number of the window since 1970, events of the window before, events of this one. */
export type Window = readonly [index: number, before: number, now: number];
/** By rule. */
export type Counters = Readonly<Record<string, Window>>;

/** The same window as it stands now. A clock that was set back a little stays where it was; further back, all begins anew. */
export function windowAt(held: Window | undefined, lengthMs: number, nowMs: number): Window {
  const index = Math.floor(nowMs / lengthMs);
  if (held === undefined || index > held[0] + 1 || index < held[0] - 1) return [index, 0, 0];
  return index === held[0] + 1 ? [index, held[2], 0] : held;
}

/** Events within the last `lengthMs`. */
export function countOf([index, before, now]: Window, lengthMs: number, nowMs: number): number {
  const passed = Math.min(1, Math.max(0, (nowMs - index * lengthMs) / lengthMs));
  return now + before * (1 - passed);
}

/** When nothing of it counts any more. */
export const endOf = ([index]: Window, lengthMs: number): number => (index + 2) * lengthMs;
