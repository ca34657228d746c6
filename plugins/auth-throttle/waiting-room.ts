/**
 * Attempts that are held back. Each waits behind the others of its address, so that many connections at once are not faster than
 * one; whoever would wait too long, or finds no room, does not wait at all. Nobody waits after `close`.
 */
export interface Bounds {
  /** Attempts that wait at once. */
  readonly room: number;
  readonly maxMs: number;
}

export class WaitingRoom {
  readonly #bounds: Bounds;
  readonly #leaving = new Set<() => void>();
  readonly #byAddress = new Map<string, number>();
  #isClosed = false;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** `false`: too many wait already, or the client has gone, or the server ends. */
  async wait(address: string, delayMs: number, signal: AbortSignal): Promise<boolean> {
    const ahead = this.#byAddress.get(address) ?? 0;
    const turnMs = delayMs * (ahead + 1);
    const isTooLong = turnMs > this.#bounds.maxMs && ahead > 0;
    if (this.#isClosed || isTooLong || this.#leaving.size >= this.#bounds.room || signal.aborted) return false;
    this.#byAddress.set(address, ahead + 1);
    const hasWaited = await this.#sleep(Math.min(turnMs, this.#bounds.maxMs), signal);
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
    return hasWaited;
  }

  close(): void {
    this.#isClosed = true;
    for (const leave of [...this.#leaving]) leave();
  }

  #sleep(delayMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (hasWaited: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
        this.#leaving.delete(leave);
        resolve(hasWaited);
      };
      const leave = () => end(false);
      const timer = setTimeout(() => end(true), delayMs);
      signal.addEventListener("abort", leave);
      this.#leaving.add(leave);
    });
  }
}
