/** Cuts octets into lines, and lines that are longer than Postfix's line_length_limit into pieces of that length. */

const LINE_LENGTH_LIMIT = 2_048;
const LF = 10;
const CR = 13;

export interface Piece {
  /** Without the line end. */
  readonly bytes: Buffer;
  readonly isLineStart: boolean;
  /** Octets from the first one pushed; `end` is behind the line end. */
  readonly start: number;
  readonly end: number;
}

export class LinePieces {
  #rest: Buffer = Buffer.alloc(0);
  #isLineStart = true;
  /** Where `#rest` begins. */
  position = 0;

  *push(chunk: Buffer): Generator<Piece> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0) {
      const lf = bytes.indexOf(LF);
      const lineEnd = lf > 0 && bytes[lf - 1] === CR ? lf - 1 : lf;
      if (lf >= 0 && lineEnd <= LINE_LENGTH_LIMIT) {
        yield this.#piece(bytes.subarray(0, lineEnd), lf + 1, true);
        bytes = bytes.subarray(lf + 1);
      } else if (bytes.length > LINE_LENGTH_LIMIT + 1) {
        yield this.#piece(bytes.subarray(0, LINE_LENGTH_LIMIT), LINE_LENGTH_LIMIT, false);
        bytes = bytes.subarray(LINE_LENGTH_LIMIT);
      } else break;
    }
    this.#rest = bytes;
  }

  *end(): Generator<Piece> {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    if (rest.length > 0) yield this.#piece(rest, rest.length, true);
  }

  #piece(bytes: Buffer, length: number, endsLine: boolean): Piece {
    const piece = { bytes, isLineStart: this.#isLineStart, start: this.position, end: this.position + length };
    this.position += length;
    this.#isLineStart = endsLine;
    return piece;
  }
}
