/** How many a period may have, evenly spread: short of what one second brings, nothing is saved up for later. */
export interface Rate {
  readonly count: number;
  readonly periodMs: number;
}

export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #countedAtMs: number;

  constructor({ count, periodMs }: Rate, nowMs: number) {
    this.#perMs = count / periodMs;
    this.#capacity = Math.max(1, this.#perMs * 1_000);
    this.#level = this.#capacity;
    this.#countedAtMs = nowMs;
  }

  /** 0: now. */
  waitMs(nowMs: number): number {
    const lacking = 1 - this.#count(nowMs);
    return lacking <= ROUNDING ? 0 : Math.ceil(lacking / this.#perMs);
  }

  /** May take more than there is: whoever comes next waits the longer. */
  take(tokens: number, nowMs: number): void {
    this.#level = this.#count(nowMs) - tokens;
  }

  isFull(nowMs: number): boolean {
    return this.#count(nowMs) >= this.#capacity;
  }

  #count(nowMs: number): number {
    const passedMs = Math.max(0, nowMs - this.#countedAtMs);
    this.#countedAtMs = nowMs;
    this.#level = Math.min(this.#capacity, this.#level + passedMs * this.#perMs);
    return this.#level;
  }
}

const ROUNDING = 1e-6;
