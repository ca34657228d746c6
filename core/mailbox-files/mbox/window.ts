/** Reads a file forward through a buffer of fixed size, so that a file of any size costs the same memory. */
import { read } from "node:fs";

/** For reading on and on; for looking at one message, less does. */
const LARGE_WINDOW_BYTES = 1024 * 1024;
export const SMALL_WINDOW_BYTES = 160 * 1024;

export const readAt = (fd: number, into: Buffer, at: number, position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    read(fd, into, at, into.length - at, position, (cause, count) => (cause ? reject(cause) : resolve(count)));
  });

const NOTHING = Buffer.alloc(0);

export class FileWindow {
  readonly #fd: number;
  readonly #storage: Buffer;
  /** Where reading ends. */
  to: number;
  /** What is in memory now. */
  bytes: Buffer = NOTHING;
  /** Position in the file of its first octet. */
  base = 0;

  constructor(fd: number, to: number, size = LARGE_WINDOW_BYTES) {
    this.#fd = fd;
    this.#storage = size > 0 ? Buffer.allocUnsafe(size) : NOTHING;
    this.to = to;
  }

  /** What is in memory already, and all there is. */
  static holding(bytes: Buffer, base: number): FileWindow {
    const window = new FileWindow(-1, base + bytes.length, 0);
    window.bytes = bytes;
    window.base = base;
    return window;
  }

  get end(): number {
    return this.base + this.bytes.length;
  }

  /** Whether all of the file from `position` on that is not further than `length` is in memory. */
  has(position: number, length: number): boolean {
    return position >= this.base && Math.min(position + length, this.to) <= this.end;
  }

  /** Afterwards the window begins at `position`. A file that has become shorter ends earlier. */
  async move(position: number): Promise<void> {
    let kept = 0;
    if (position >= this.base && position < this.end) {
      kept = this.bytes.copy(this.#storage, 0, position - this.base);
    }
    this.base = position;
    const wanted = Math.min(this.#storage.length, this.to - position);
    while (kept < wanted) {
      const count = await readAt(this.#fd, this.#storage.subarray(0, wanted), kept, position + kept);
      if (count === 0) {
        this.to = position + kept;
        break;
      }
      kept += count;
    }
    this.bytes = this.#storage.subarray(0, kept);
  }

  /** What stands elsewhere in the file. */
  async probe(position: number, length: number): Promise<Buffer> {
    if (this.has(position, length)) {
      const at = position - this.base;
      return this.bytes.subarray(at, at + length);
    }
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.to - position)));
    return bytes.subarray(0, await readAt(this.#fd, bytes, 0, position));
  }
}
