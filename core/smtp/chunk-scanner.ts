/**
 * Content that comes in chunks of announced size (BDAT, RFC 3030 2): no dots, no end mark, only counting. Looks at lines as the
 * `DotScanner` does, because a bare CR or LF smuggles just as well in a chunk; under BINARYMIME only the
 * header must have lines, and what the body turns out to have is noted.
 * Never throws.
 */
import type { Framing } from "./content.ts";
import { CR, LF, NUL, positionOf, SPACE, TAB } from "./octets.ts";

const TEXT_LINE_OCTETS = 1000;

export class ChunkScanner implements Framing {
  readonly #onPiece: (piece: Buffer) => void;
  readonly #isBinary: boolean;
  /** Octets of the chunk under way that have not come yet. */
  #left = 0;
  #isLineStart = true;
  #isAfterCr = false;
  #isInHeader = true;
  #lineBytes = 0;
  /** Also what the body of binary content has. */
  #bareLineEnds = 0;
  #longestLineBytes = 0;
  #bodyHasNul = false;
  /** What the header had when it ended. */
  #ofHeader: { readonly bareLineEnds: number; readonly longestLineBytes: number } | null = null;
  hasNul = false;
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
      const bodyStart = this.#look(piece);
      const nul = piece.indexOf(NUL);
      if (nul >= 0) {
        if (nul < bodyStart) this.hasNul = true;
        else this.#bodyHasNul = true;
      }
      this.#onPiece(piece);
    }
    return this.#left === 0 ? end : -1;
  }

  /** The message ends here: what was left open counts now. */
  finish(): void {
    if (this.#isAfterCr) this.#bareLineEnds++;
    this.#isAfterCr = false;
  }

  get bareLineEnds(): number {
    return this.#ofHeader?.bareLineEnds ?? this.#bareLineEnds;
  }

  get longestLineBytes(): number {
    return this.#ofHeader?.longestLineBytes ?? this.#longestLineBytes;
  }

  /** It could have come without BINARYMIME: text lines of 1,000 octets at most (RFC 5321 4.5.3.1.6), and no NUL. */
  get isText(): boolean {
    return this.#bareLineEnds === 0 && !this.hasNul && !this.#bodyHasNul && this.#longestLineBytes <= TEXT_LINE_OCTETS;
  }

  /** Answers up to where NUL is none of the content's business: the end of the piece, or of a header above binary content. */
  #look(piece: Buffer): number {
    const { length } = piece;
    let bodyStart = this.#isBinary && !this.#isInHeader ? 0 : length;
    let at = 0;
    let lf = -1;
    while (at < length) {
      if (this.#isAfterCr) {
        this.#isAfterCr = false;
        if (piece[at] === LF) {
          at++;
          this.#lineBytes++;
          if (this.#endLine() && this.#isBinary) bodyStart = at;
          continue;
        }
        this.#bareLineEnds++;
      }
      if (this.#isLineStart) {
        const octet = piece[at];
        if (this.#isInHeader && octet !== CR && octet !== SPACE && octet !== TAB) this.headerFields++;
        this.#isLineStart = false;
      }
      const cr = positionOf(piece, CR, at);
      if (lf < at) lf = positionOf(piece, LF, at);
      for (; lf < cr; lf = positionOf(piece, LF, lf + 1)) this.#bareLineEnds++;
      this.#isAfterCr = cr < length;
      const next = this.#isAfterCr ? cr + 1 : length;
      this.#lineBytes += next - at;
      at = next;
    }
    if (this.#lineBytes > this.#longestLineBytes) this.#longestLineBytes = this.#lineBytes;
    return bodyStart;
  }

  /** Answers whether that was the end of the header. */
  #endLine(): boolean {
    const bytes = this.#lineBytes;
    if (bytes > this.#longestLineBytes) this.#longestLineBytes = bytes;
    this.#lineBytes = 0;
    this.#isLineStart = true;
    if (!this.#isInHeader) return false;
    this.headerBytes += bytes;
    if (bytes !== 2) return false;
    this.#isInHeader = false;
    if (this.#isBinary) {
      this.#ofHeader = { bareLineEnds: this.#bareLineEnds, longestLineBytes: this.#longestLineBytes };
    }
    return true;
  }
}
