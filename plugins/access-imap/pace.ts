/**
 * Lets other sessions have the event loop: long commands ask between two messages whether it is time. Rejects when the
 * client has gone, so that nobody searches for nobody.
 */
import { setImmediate } from "node:timers/promises";

const sliceMs = 4;

export class Pace {
  readonly #closed: AbortSignal;
  #since = performance.now();

  constructor(closed: AbortSignal) {
    this.#closed = closed;
  }

  /** A promise when this command has had its slice. */
  breathe(): void | Promise<void> {
    if (performance.now() - this.#since < sliceMs) return;
    return this.#pause();
  }

  async #pause(): Promise<void> {
    await setImmediate();
    this.#closed.throwIfAborted();
    this.#since = performance.now();
  }
}
