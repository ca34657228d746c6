/** Multi-line responses (RFC 1939 3): lines that begin with the dot get another one, a lone dot ends them. Octets stay octets. */

const LF = 10;
const DOT = 46;
const DOT_BYTES = Buffer.from(".");
const LINE_END = Buffer.from("\r\n");
export const LAST_LINE = Buffer.from(".\r\n");

/** Pieces of one message on their way to the client. */
export class DotStuffing {
  #before = LF;

  /** The piece itself where no line begins with a dot. */
  *take(piece: Buffer): Generator<Buffer> {
    if (piece.length === 0) return;
    if (this.#before === LF && piece[0] === DOT) yield DOT_BYTES;
    let from = 0;
    for (let at = piece.indexOf("\n."); at >= 0; at = piece.indexOf("\n.", at + 1)) {
      yield piece.subarray(from, at + 2);
      // The dot that stands there is sent twice.
      from = at + 1;
    }
    yield piece.subarray(from);
    this.#before = piece[piece.length - 1] ?? LF;
  }

  /** What ends the response. */
  end(): Buffer {
    return this.#before === LF ? LAST_LINE : Buffer.concat([LINE_END, LAST_LINE]);
  }
}

/** Lets the header and so many lines of the body through (TOP). */
export class LineLimit {
  #linesLeft: number;
  #isInBody = false;
  /** Octets of the header's current line, CRLF not counted; an empty one ends it. */
  #lineBytes = 0;

  constructor(bodyLines: number) {
    this.#linesLeft = bodyLines;
  }

  get isDone(): boolean {
    return this.#isInBody && this.#linesLeft === 0;
  }

  take(piece: Buffer): Buffer {
    let at = 0;
    while (at < piece.length && !this.isDone) {
      const lf = piece.indexOf(LF, at);
      const end = lf < 0 ? piece.length : lf + 1;
      if (this.#isInBody) {
        if (lf >= 0) this.#linesLeft--;
      } else this.#header(piece, { at, end, isWhole: lf >= 0 });
      at = end;
    }
    return piece.subarray(0, at);
  }

  #header(piece: Buffer, line: { readonly at: number; readonly end: number; readonly isWhole: boolean }): void {
    const isReturnOnly = piece[line.end - 2] === 13 && this.#lineBytes + line.end - line.at === 2;
    const isSplitReturn = line.end - line.at === 1 && this.#lineBytes === 1;
    if (line.isWhole && (line.end - line.at + this.#lineBytes === 1 || isReturnOnly || isSplitReturn)) {
      this.#isInBody = true;
    }
    this.#lineBytes = line.isWhole ? 0 : this.#lineBytes + line.end - line.at;
  }
}
