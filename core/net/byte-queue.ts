/**
 * Bytes that came in and were not asked for yet. Hands out views, not copies, wherever a piece lies within one chunk.
 * Small chunks behind others are gathered in blocks, so that a client that sends single bytes cannot make us keep an
 * object for each of them. Never throws.
 */

const SMALL_BYTES = 512;
const BLOCK_BYTES = 8 * 1024;
const LF = 0x0a;

export class ByteQueue {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that are used up. */
  #offset = 0;
  #length = 0;
  /** The first chunks are known to hold no LF. */
  #searchedChunks = 0;
  #searchedBytes = 0;
  /** Where small chunks go; the last chunk is a view of its beginning. */
  #block: Buffer | null = null;
  #blockUsed = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    if (chunk.length >= SMALL_BYTES || this.#chunks.length === 0) {
      this.#block = null;
      this.#chunks.push(chunk);
      return;
    }
    if (!this.#block || this.#blockUsed + chunk.length > BLOCK_BYTES) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#blockUsed = 0;
      this.#chunks.push(this.#block.subarray(0, 0));
    }
    const last = this.#chunks.length - 1;
    const grown = this.#chunks[last]?.length ?? 0;
    if (this.#searchedChunks > last) {
      this.#searchedChunks = last;
      this.#searchedBytes -= last === 0 ? grown - this.#offset : grown;
    }
    const start = this.#blockUsed - grown;
    chunk.copy(this.#block, this.#blockUsed);
    this.#blockUsed += chunk.length;
    this.#chunks[last] = this.#block.subarray(start, this.#blockUsed);
  }

  /** Distance of the first LF from the front, -1 if there is none. Looks at each byte once. */
  indexOfLf(): number {
    let passed = this.#searchedBytes;
    for (let at = this.#searchedChunks; at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at];
      if (!chunk) break;
      const start = at === 0 ? this.#offset : 0;
      const found = chunk.indexOf(LF, start);
      if (found >= 0) return passed + found - start;
      passed += chunk.length - start;
    }
    this.#searchedChunks = this.#chunks.length;
    this.#searchedBytes = passed;
    return -1;
  }

  /** The first `size` bytes; there must be as many. */
  take(size: number): Buffer {
    const first = this.#chunks[0];
    if (first && size <= first.length - this.#offset) {
      const piece = first.subarray(this.#offset, this.#offset + size);
      this.#advance(size);
      return piece;
    }
    const whole = Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const piece = this.takeSome(size - filled);
      piece.copy(whole, filled);
      filled += piece.length;
    }
    return whole;
  }

  /** At most `limitBytes` from the front as they lie; there must be something. */
  takeSome(limitBytes: number): Buffer {
    const first = this.#chunks[0];
    if (!first) throw new RangeError("the queue is empty");
    const piece = first.subarray(this.#offset, Math.min(first.length, this.#offset + limitBytes));
    this.#advance(piece.length);
    return piece;
  }

  /** Forgets up to `size` bytes from the front; answers how many. */
  drop(size: number): number {
    let dropped = 0;
    while (dropped < size && this.#length > 0) dropped += this.takeSome(size - dropped).length;
    return dropped;
  }

  clear(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.#length = 0;
    this.#block = null;
    this.#forgetSearch();
  }

  #advance(size: number): void {
    this.#length -= size;
    this.#offset += size;
    if (this.#offset >= (this.#chunks[0]?.length ?? 0)) {
      this.#chunks.shift();
      this.#offset = 0;
      if (this.#chunks.length === 0) this.#block = null;
    }
    this.#forgetSearch();
  }

  #forgetSearch(): void {
    this.#searchedChunks = 0;
    this.#searchedBytes = 0;
  }
}
