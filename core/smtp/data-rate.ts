/**
 * Whether content comes at a minimum rate, over a sliding period of the time that we wait for the client: our own slowness is
 * not counted against it. A handful of numbers for each connection, whatever it sends. Never throws.
 */
const SLICES = 6;

export class DataRate {
  readonly #leastBytes: number;
  readonly #sliceMs: number;
  /** Octets of the slice under way and of those before it. */
  readonly #slices = new Array<number>(SLICES + 1).fill(0);
  #slice = 0;
  #waitedMs = 0;
  #sinceMs: number | null = null;
  isTooSlow = false;

  constructor(bytesPerSecond: number, periodMs: number) {
    this.#sliceMs = Math.max(1, periodMs / SLICES);
    this.#leastBytes = (bytesPerSecond * periodMs) / 1000;
  }

  /** From now on we wait for the client. What it sent until now has been counted. */
  wait(nowMs: number): void {
    const slice = Math.floor(this.#waitedMs / this.#sliceMs);
    if (slice !== this.#slice) this.#turn(slice);
    this.#sinceMs ??= nowMs;
  }

  /** The client sent something. */
  resume(nowMs: number): void {
    if (this.#sinceMs === null) return;
    this.#waitedMs += Math.max(0, nowMs - this.#sinceMs);
    this.#sinceMs = null;
  }

  count(bytes: number): void {
    this.#slices[this.#slice % this.#slices.length] = this.#current + bytes;
  }

  get #current(): number {
    return this.#slices[this.#slice % this.#slices.length] ?? 0;
  }

  /** Slices have passed; a whole period of them must hold enough. */
  #turn(slice: number): void {
    const passed = Math.min(slice - this.#slice, SLICES + 1);
    for (let step = 1; step <= passed; step++) {
      const at = this.#slice + step;
      this.#check(at);
      this.#slices[at % this.#slices.length] = 0;
    }
    this.#slice = slice;
    this.#slices[slice % this.#slices.length] = 0;
  }

  #check(slice: number): void {
    if (slice < SLICES) return;
    let bytes = 0;
    for (let before = 1; before <= SLICES; before++) bytes += this.#slices[(slice - before) % this.#slices.length] ?? 0;
    if (bytes < this.#leastBytes) this.isTooSlow = true;
  }
}
