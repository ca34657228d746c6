/**
 * Time-outs of many connections with one timer: each carries its deadline as a number, a sweep looks for those that passed.
 * A deadline is met up to one sweep late. The timer runs while there is anything to watch and keeps no process alive.
 */
import type { Clock } from "../contracts/clock.ts";

export interface Watched {
  /** Milliseconds since 1970; infinity while the client waits for us. */
  deadline: number;
  onDeadline(): void;
}

/** Rings once, `delayMs` from now; answers how to call it off. */
export type Alarm = (delayMs: number, ring: () => void) => () => void;

export const timerAlarm: Alarm = (delayMs, ring) => {
  const timer = setTimeout(ring, delayMs).unref();
  return () => clearTimeout(timer);
};

export class Deadlines {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #sweepMs: number;
  readonly #watched = new Set<Watched>();
  #callOff: (() => void) | null = null;

  constructor(clock: Clock, alarm: Alarm, sweepMs: number) {
    this.#clock = clock;
    this.#alarm = alarm;
    this.#sweepMs = sweepMs;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    this.#callOff ??= this.#alarm(this.#sweepMs, this.#sweep);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0 || this.#callOff === null) return;
    this.#callOff();
    this.#callOff = null;
  }

  readonly #sweep = (): void => {
    this.#callOff = null;
    const now = this.#clock.now();
    for (const watched of this.#watched) {
      if (watched.deadline > now) continue;
      watched.deadline = Number.POSITIVE_INFINITY;
      watched.onDeadline();
    }
    if (this.#watched.size > 0) this.#callOff ??= this.#alarm(this.#sweepMs, this.#sweep);
  };
}
