/**
 * One timer a connection, re-armed in place whenever the client sends something. A client that is still taking what was
 * written to it is not idle. Fires once; then nothing more happens until it is set again.
 */
export class IdleTimer {
  /** A figure that grows while the client takes what was sent. */
  readonly #progress: () => number;
  #timer: NodeJS.Timeout | null = null;
  #timeoutMs = 0;
  #onIdle: (() => void) | null = null;
  #seen = 0;

  constructor(progress: () => number) {
    this.#progress = progress;
  }

  /** `timeoutMs` 0 switches it off. */
  set(timeoutMs: number, onIdle: () => void): void {
    this.#onIdle = onIdle;
    this.#seen = this.#progress();
    if (this.#timer && this.#timeoutMs === timeoutMs) {
      this.#timer.refresh();
      return;
    }
    this.clear();
    this.#timeoutMs = timeoutMs;
    if (timeoutMs <= 0) return;
    this.#onIdle = onIdle;
    this.#timer = setTimeout(this.#fire, timeoutMs);
  }

  /** The client sent something. */
  touch(): void {
    if (this.#onIdle) this.#timer?.refresh();
  }

  clear(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#onIdle = null;
  }

  readonly #fire = (): void => {
    const progress = this.#progress();
    if (progress !== this.#seen) {
      this.#seen = progress;
      this.#timer?.refresh();
      return;
    }
    const onIdle = this.#onIdle;
    this.#onIdle = null;
    onIdle?.();
  };
}
