/** One at a time, in order of asking. A failed turn does not stop the next. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Whether anybody has it or waits for it. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  run<T>(work: () => Promise<T> | T): Promise<T> {
    this.#waiting++;
    const turn = this.#tail.then(work);
    const done = () => {
      this.#waiting--;
    };
    this.#tail = turn.then(done, done);
    return turn;
  }
}

/** Lets other work run in between when a loop of synchronous file calls has gone on for some milliseconds. */
export class Breather {
  readonly #sliceMs: number;
  #since = performance.now();

  constructor(sliceMs = 8) {
    this.#sliceMs = sliceMs;
  }

  get isDue(): boolean {
    return performance.now() - this.#since > this.#sliceMs;
  }

  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}
