/** When a message is tried again: twice as long after each try, up to a limit, with jitter so that a backlog spreads out. */
export interface RetrySchedule {
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
}

/** `attempts`: how many there were, from 1. `random`: from 0 to below 1. Within a tenth of the plain figure. */
export function retryDelayMs(schedule: RetrySchedule, attempts: number, random: number): number {
  const plainMs = Math.min(schedule.firstRetryMs * 2 ** Math.min(attempts - 1, 30), schedule.maxRetryMs);
  return Math.round(plainMs * (0.9 + 0.2 * random));
}
