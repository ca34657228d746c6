/**
 * The next so many bytes of a client as a stream. Takes them from the reader as its consumer asks; a consumer that gives up
 * early leaves the rest to be thrown away. Fails with `ConnectionLost` when the client leaves before the last byte.
 */
import { Readable } from "node:stream";
import { ConnectionLost } from "./net-errors.ts";

/** The reader as the stream sees it. */
export interface ByteSource {
  /** At most so many bytes that are here now; `null` if there are none, `"ended"` if none will come. */
  some(limitBytes: number): Buffer | "ended" | null;
  /** Calls back once when it is worth asking again. */
  whenMore(callback: () => void): void;
  /** The stream is done; so many of its bytes were not taken and belong to nobody. */
  release(unreadBytes: number): void;
}

export class SizedStream extends Readable {
  readonly #source: ByteSource;
  #left: number;
  #isReleased = false;

  constructor(source: ByteSource, size: number, aheadBytes: number) {
    super({ highWaterMark: aheadBytes });
    this.#source = source;
    this.#left = size;
    if (size === 0) this.#release();
  }

  override _read(): void {
    while (this.#left > 0) {
      const piece = this.#source.some(this.#left);
      if (piece === null) {
        this.#source.whenMore(() => this._read());
        return;
      }
      if (piece === "ended") {
        this.destroy(new ConnectionLost("the client left in the middle of the data it had announced"));
        return;
      }
      this.#left -= piece.length;
      if (this.#left === 0) this.#release();
      if (!this.push(piece)) return;
    }
    this.push(null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release();
    callback(error);
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const unread = this.#left;
    this.#left = 0;
    this.#source.release(unread);
  }
}
