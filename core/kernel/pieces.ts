/** A message's pieces as one stream with back-pressure. An unreadable or short file errors the stream. */
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";

/** Bytes `start` to `start + length` of a file. */
export interface FileRange {
  readonly path: string;
  readonly start: number;
  readonly length: number;
}

export type Piece = Uint8Array | FileRange;

const chunkBytes = 64 * 1024;

class PieceReader extends Readable {
  readonly #pieces: readonly Piece[];
  #next = 0;
  #file: { readonly handle: FileHandle; position: number; readonly end: number } | null = null;
  /** The file is being opened, read or closed. Node asks for more meanwhile, as a piece before it was pushed. */
  #isBusy = false;

  constructor(pieces: readonly Piece[]) {
    super();
    this.#pieces = pieces;
  }

  override _read(): void {
    if (this.#isBusy) return;
    if (this.#file) this.#readFile(this.#file);
    else this.#readNext();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const file = this.#file;
    this.#file = null;
    if (!file) {
      done(error);
      return;
    }
    file.handle.close().then(
      () => done(error),
      (cause: Error) => done(error ?? cause),
    );
  }

  #readNext(): void {
    let isWanted = true;
    while (isWanted && !this.destroyed) {
      const piece = this.#pieces[this.#next];
      this.#next += 1;
      if (!piece) {
        this.push(null);
        isWanted = false;
      } else if (!(piece instanceof Uint8Array)) {
        this.#openFile(piece);
        isWanted = false;
      } else if (piece.length > 0) {
        isWanted = this.push(piece);
      }
    }
  }

  #openFile({ path, start, length }: FileRange): void {
    this.#wait(open(path, "r"), (handle) => {
      this.#file = { handle, position: start, end: start + length };
      if (this.destroyed) this._destroy(null, () => {});
      else this.#readFile(this.#file);
    });
  }

  #readFile(file: { readonly handle: FileHandle; position: number; readonly end: number }): void {
    const wanted = Math.min(chunkBytes, file.end - file.position);
    if (wanted === 0) {
      this.#file = null;
      this.#wait(file.handle.close(), () => this.#readNext());
      return;
    }
    this.#wait(file.handle.read(Buffer.allocUnsafe(wanted), 0, wanted, file.position), ({ bytesRead, buffer }) => {
      if (this.destroyed) return;
      if (bytesRead === 0) {
        this.destroy(new Error("a message file is shorter than it was"));
        return;
      }
      file.position += bytesRead;
      this.push(buffer.subarray(0, bytesRead));
    });
  }

  #wait<T>(work: Promise<T>, done: (result: T) => void): void {
    this.#isBusy = true;
    work.then(
      (result) => {
        this.#isBusy = false;
        done(result);
      },
      (cause: Error) => this.destroy(cause),
    );
  }
}

/** The pieces as one stream, a file range read as the consumer takes it. */
export const readPieces = (pieces: readonly Piece[]): Readable => new PieceReader(pieces);
