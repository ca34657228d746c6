/** Multi-line responses (RFC 1939 3): lines that begin with the dot get another one, a lone dot ends them. Octets stay octets. */

const LF = 10;
const CR = 13;
const DOT = 46;
const LF_DOT = Buffer.from("\n.");
const LAST_LINE = Buffer.from(".\r\n");
/** Up to here a copy costs less than further pieces to write. */
const AT_ONCE_BYTES = 64 * 1024;
const LINE_END_AND_LAST_LINE = Buffer.from("\r\n.\r\n");

/** Pieces of one message on their way to the client. */
export class DotStuffing {
  #before = LF;

  /** The piece itself where no line begins with a dot; else a copy, once. */
  take(piece: Buffer): Buffer {
    if (piece.length === 0) return piece;
    const isFirst = this.#before === LF && piece[0] === DOT;
    this.#before = piece[piece.length - 1] ?? LF;
    const first = piece.indexOf(LF_DOT);
    return first < 0 && !isFirst ? piece : stuffed(piece, { isFirst, first });
  }

  /** What ends the response. */
  end(): Buffer {
    return this.#before === LF ? LAST_LINE : LINE_END_AND_LAST_LINE;
  }
}

/** A whole response in one piece, or in a few if it is long. */
export function multiLine(firstLine: string, content: Buffer): readonly Buffer[] {
  const stuffing = new DotStuffing();
  const body = stuffing.take(content);
  const end = stuffing.end();
  const first = Buffer.from(firstLine);
  const pieces = [first, body, end];
  return body.length > AT_ONCE_BYTES ? pieces : [Buffer.concat(pieces)];
}

function stuffed(piece: Buffer, { isFirst, first }: { readonly isFirst: boolean; readonly first: number }): Buffer {
  let dots = isFirst ? 1 : 0;
  for (let at = first; at >= 0; at = piece.indexOf(LF_DOT, at + 1)) dots++;
  const out = Buffer.allocUnsafe(piece.length + dots);
  let to = 0;
  if (isFirst) out[to++] = DOT;
  let from = 0;
  for (let at = first; at >= 0; at = piece.indexOf(LF_DOT, at + 1)) {
    to += piece.copy(out, to, from, at + 2);
    // The dot that stands there is sent twice.
    from = at + 1;
  }
  piece.copy(out, to, from);
  return out;
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
    const isReturnOnly = piece[line.end - 2] === CR && this.#lineBytes + line.end - line.at === 2;
    const isSplitReturn = line.end - line.at === 1 && this.#lineBytes === 1;
    if (line.isWhole && (line.end - line.at + this.#lineBytes === 1 || isReturnOnly || isSplitReturn)) {
      this.#isInBody = true;
    }
    this.#lineBytes = line.isWhole ? 0 : this.#lineBytes + line.end - line.at;
  }
}
