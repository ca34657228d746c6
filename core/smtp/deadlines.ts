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

export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: Clock, sweepMs: number) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const watched of this.#watched) {
      if (watched.deadline > now) continue;
      watched.deadline = Number.POSITIVE_INFINITY;
      watched.onDeadline();
    }
  }
}
