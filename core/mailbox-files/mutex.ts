/** One at a time, in order of asking. A failed turn does not stop the next. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Whether anybody has it or waits for it. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /** For whoever has it: whether somebody waits. */
  get isAwaited(): boolean {
    return this.#waiting > 1;
  }

  run<T>(work: () => Promise<T> | T): Promise<T> {
    return this.runAhead(async () => ({ value: await work(), rest: null }));
  }

  /** For work that answers before it is done: the next in order waits for `rest`, too, whatever becomes of it. */
  runAhead<T>(work: () => Promise<Ahead<T>>): Promise<T> {
    this.#waiting++;
    const turn = this.#tail.then(work);
    const done = () => {
      this.#waiting--;
    };
    this.#tail = turn.then(({ rest }) => rest).then(done, done);
    return turn.then(({ value }) => value);
  }
}

export interface Ahead<T> {
  readonly value: T;
  readonly rest: Promise<void> | null;
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
