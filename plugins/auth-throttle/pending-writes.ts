/** Failures that are being written in this worker: the next attempt waits for those that concern it, or it would not see them. */
export class PendingWrites {
  readonly #last = new Map<string, Promise<unknown>>();

  /** One after the other for each key. Rejects with the write; others go on. */
  async run(keys: readonly string[], write: () => Promise<void>): Promise<void> {
    const written = this.settled(keys).then(write);
    const settled = Promise.allSettled([written]);
    for (const key of keys) this.#last.set(key, settled);
    try {
      await written;
    } finally {
      for (const key of keys) if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }

  /** Never rejects. */
  async settled(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#last.get(key)));
  }
}
