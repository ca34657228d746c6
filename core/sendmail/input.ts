/**
 * What a program writes, as the lines of a message: CRLF for LF, for CR alone too; NUL is left out; a line with a dot alone ends
 * it where that is meant. In pieces, nothing is kept but the beginning of a line that may be a dot alone.
 */
import { LineEnds } from "../smtp/line-ends.ts";
import { CR, DOT, LF, NUL } from "../smtp/octets.ts";

const EMPTY: Buffer = Buffer.alloc(0);
const CRLF: Buffer = Buffer.from("\r\n");
const LINE_WITH_DOT = Buffer.from("\n.");

export class Input {
  readonly #dotEnds: boolean;
  readonly #onPiece: (piece: Buffer) => void;
  readonly #lineEnds = new LineEnds();
  /** A line's beginning that may turn out to be a dot alone. */
  #held: Buffer = EMPTY;
  #isLineStart = true;
  #last: number | undefined = LF;
  #hasEnded = false;

  constructor(dotEnds: boolean, onPiece: (piece: Buffer) => void) {
    this.#dotEnds = dotEnds;
    this.#onPiece = onPiece;
  }

  /** The dot has come: nothing that follows belongs to the message. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  take(chunk: Buffer): void {
    if (this.#hasEnded || chunk.length === 0) return;
    if (!this.#dotEnds) {
      this.#give(chunk);
      return;
    }
    const data = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = EMPTY;
    let dot = this.#isLineStart && data[0] === DOT ? 0 : nextDot(data, 0);
    for (; dot >= 0; dot = nextDot(data, dot)) {
      const behind = data.subarray(dot + 1, dot + 3);
      const isOpen = behind.length === 0 || (behind.length === 1 && behind[0] === CR);
      const isAlone = behind[0] === LF || (behind[0] === CR && behind[1] === LF);
      if (!isOpen && !isAlone) continue;
      this.#hasEnded = isAlone;
      if (isOpen) this.#held = Buffer.from(data.subarray(dot));
      this.#isLineStart = true;
      this.#give(data.subarray(0, dot));
      return;
    }
    this.#isLineStart = data[data.length - 1] === LF;
    this.#give(data);
  }

  /** Nothing more comes. The last line gets its end if it has none. A dot alone is an end also without its line end. */
  end(): void {
    this.#held = EMPTY;
    const missing = this.#lineEnds.end();
    if (missing !== null) this.#onPiece(missing);
    else if (this.#last !== LF) this.#onPiece(CRLF);
  }

  #give(raw: Buffer): void {
    const piece = this.#lineEnds.normalise(raw.includes(NUL) ? Buffer.from(raw.filter((octet) => octet !== NUL)) : raw);
    if (piece.length === 0) return;
    this.#last = piece[piece.length - 1];
    this.#onPiece(piece);
  }
}

/** A dot at the beginning of a line, behind `from`. */
function nextDot(data: Buffer, from: number): number {
  const at = data.indexOf(LINE_WITH_DOT, from);
  return at < 0 ? -1 : at + 1;
}
