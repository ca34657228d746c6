/** Waking up later, handed in as time is: tests turn the clock by hand. */

/** Rings once, `delayMs` from now. Answers how to call it off. */
export type Alarm = (delayMs: number, ring: () => void) => () => void;

const TIMER_LIMIT_MS = 2 ** 31 - 1;

/** Does not keep the process alive. May ring early for a very long delay: whoever listens looks at the clock. */
export const timerAlarm: Alarm = (delayMs, ring) => {
  const timer = setTimeout(ring, Math.min(Math.max(delayMs, 0), TIMER_LIMIT_MS));
  timer.unref();
  return () => clearTimeout(timer);
};
