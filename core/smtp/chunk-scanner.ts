/**
 * Content that comes in chunks of announced size (BDAT, RFC 3030 2): no dots, no end mark, only counting. Looks at lines as the
 * `DotScanner` does, because a bare CR or LF smuggles just as well in a chunk; under BINARYMIME only the header has lines.
 * Never throws.
 */
import type { Framing } from "./content.ts";
import { CR, LF, NUL, positionOf, SPACE, TAB } from "./octets.ts";

export class ChunkScanner implements Framing {
  readonly #onPiece: (piece: Buffer) => void;
  readonly #isBinary: boolean;
  /** Octets of the chunk under way that have not come yet. */
  #left = 0;
  #isLineStart = true;
  #isAfterCr = false;
  #isInHeader = true;
  #lineBytes = 0;
  bareLineEnds = 0;
  hasNul = false;
  longestLineBytes = 0;
  headerBytes = 0;
  headerFields = 0;

  /** `onPiece` gets the content: one piece for each part of a chunk that came in one read. */
  constructor(onPiece: (piece: Buffer) => void, isBinary: boolean) {
    this.#onPiece = onPiece;
    this.#isBinary = isBinary;
  }

  /** A chunk of this size follows. */
  begin(sizeBytes: number): void {
    this.#left = sizeBytes;
  }

  /** Answers where that begins which follows the chunk, or -1 if it has not ended. */
  scan(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#left);
    this.#left -= end - start;
    if (end > start) {
      const piece = chunk.subarray(start, end);
      const seen = this.#look(piece);
      if (piece.subarray(0, seen).includes(NUL)) this.hasNul = true;
      this.#onPiece(piece);
    }
    return this.#left === 0 ? end : -1;
  }

  /** The message ends here: what was left open counts now. */
  finish(): void {
    if (this.#isAfterCr && this.#isWatched) this.bareLineEnds++;
    this.#isAfterCr = false;
  }

  get #isWatched(): boolean {
    return !this.#isBinary || this.#isInHeader;
  }

  /** Answers how far lines mean anything. */
  #look(piece: Buffer): number {
    const { length } = piece;
    let at = 0;
    let lf = -1;
    while (at < length && this.#isWatched) {
      if (this.#isAfterCr) {
        this.#isAfterCr = false;
        if (piece[at] === LF) {
          at++;
          this.#lineBytes++;
          this.#endLine();
          continue;
        }
        this.bareLineEnds++;
      }
      if (this.#isLineStart) {
        const octet = piece[at];
        if (this.#isInHeader && octet !== CR && octet !== SPACE && octet !== TAB) this.headerFields++;
        this.#isLineStart = false;
      }
      const cr = positionOf(piece, CR, at);
      if (lf < at) lf = positionOf(piece, LF, at);
      for (; lf < cr; lf = positionOf(piece, LF, lf + 1)) this.bareLineEnds++;
      this.#isAfterCr = cr < length;
      const next = this.#isAfterCr ? cr + 1 : length;
      this.#lineBytes += next - at;
      at = next;
    }
    if (this.#lineBytes > this.longestLineBytes) this.longestLineBytes = this.#lineBytes;
    return at;
  }

  #endLine(): void {
    const bytes = this.#lineBytes;
    if (bytes > this.longestLineBytes) this.longestLineBytes = bytes;
    this.#lineBytes = 0;
    this.#isLineStart = true;
    if (!this.#isInHeader) return;
    this.headerBytes += bytes;
    if (bytes === 2) this.#isInHeader = false;
  }
}
