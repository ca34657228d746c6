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

  constructor(pieces: readonly Piece[]) {
    super();
    this.#pieces = pieces;
  }

  override _read(): void {
    if (this.#file) this.#readFile();
    else this.#readNext();
  }

  #readNext(): void {
    let isWanted = true;
    while (isWanted) {
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

  #openFile(range: FileRange): void {
    open(range.path, "r").then(
      (handle) => {
        if (this.destroyed) {
          handle.close().catch((cause: Error) => this.emit("error", cause));
          return;
        }
        this.#file = { handle, position: range.start, end: range.start + range.length };
        this.#readFile();
      },
      (cause: Error) => this.destroy(cause),
    );
  }

  #readFile(): void {
    const file = this.#file;
    if (!file) return;
    const wanted = Math.min(chunkBytes, file.end - file.position);
    if (wanted === 0) {
      this.#file = null;
      file.handle.close().then(
        () => this.#readNext(),
        (cause: Error) => this.destroy(cause),
      );
      return;
    }
    file.handle.read(Buffer.allocUnsafe(wanted), 0, wanted, file.position).then(
      ({ bytesRead, buffer }) => {
        if (this.destroyed) return;
        if (bytesRead === 0) {
          this.destroy(new Error("a message file is shorter than it was"));
          return;
        }
        file.position += bytesRead;
        this.push(buffer.subarray(0, bytesRead));
      },
      (cause: Error) => this.destroy(cause),
    );
  }
}

/** The pieces as one stream, a file range read as the consumer takes it. */
export const readPieces = (pieces: readonly Piece[]): Readable => new PieceReader(pieces);
