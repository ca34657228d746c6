/** Lets other sessions have the event loop: long commands ask between two messages whether it is time. */
import { setImmediate } from "node:timers/promises";

const sliceMs = 4;

export class Pace {
  #since = performance.now();

  /** A promise when this command has had its slice. */
  breathe(): void | Promise<void> {
    if (performance.now() - this.#since < sliceMs) return;
    return this.#pause();
  }

  async #pause(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}
