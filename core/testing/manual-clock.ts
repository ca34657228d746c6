/** A clock that stands still until a test turns it, and alarms that ring as it passes them. */
import type { Clock } from "../contracts/clock.ts";

export interface ManualClock extends Clock {
  /** As a room takes it: rings once, `delayMs` from now; answers how to call it off. */
  readonly alarm: (delayMs: number, ring: () => void) => () => void;
  /** Turns the clock; alarms ring in order, each at its time. */
  advance(byMs: number): void;
}

export function manualClock(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)): ManualClock {
  let nowMs = startMs;
  const alarms = new Set<{ readonly atMs: number; readonly ring: () => void }>();
  return {
    now: () => nowMs,
    alarm(delayMs, ring) {
      const alarm = { atMs: nowMs + Math.max(0, delayMs), ring };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    advance(byMs) {
      const untilMs = nowMs + byMs;
      for (;;) {
        const [next] = [...alarms].filter(({ atMs }) => atMs <= untilMs).sort((one, other) => one.atMs - other.atMs);
        if (!next) break;
        alarms.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.ring();
      }
      nowMs = untilMs;
    },
  };
}
