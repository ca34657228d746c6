/**
 * Gives way to others when a message has had the thread for a while, whatever made it so: many lines, or few that patterns look at for
 * long. Rejects when whoever asked does not wait any more.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

const TURN_MS = 20;

export class Turns {
  readonly #signal: AbortSignal;
  #begunAt = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get isOver(): boolean {
    return performance.now() - this.#begunAt >= TURN_MS;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#signal.throwIfAborted();
    this.#begunAt = performance.now();
  }
}
