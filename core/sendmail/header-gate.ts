/**
 * Holds a message's header back until all of it is here: recipients stand in it, and a From may be missing. A header ends at an empty line
 * or, as sendmail has always taken it, at the first line that is no field: a text without a header is a body. Lines that mark a message in an
 * mbox file (`From ann Thu ...`) go.
 */
import { CR, LF, SPACE, TAB } from "../smtp/octets.ts";

const FIELD = /^[!-9;-~]+[ \t]*:/;
const MARK = /^>?From /;
/** So much of a line tells whether it is a field: RFC 5322 has no longer names, and nobody uses them. */
const NAME_BYTES = 1000;
const CRLF: Buffer = Buffer.from("\r\n");

export class HeaderGate {
  readonly #limitBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isOpen = false;
  /** Gets the header with the empty line that closes it. */
  readonly #onHeader: (header: Buffer) => void;
  readonly #onBody: (piece: Buffer) => void;

  /** Throws what `tooLarge` gives for a header over the limit. */
  readonly #tooLarge: () => Error;

  constructor(parts: {
    readonly limitBytes: number;
    readonly tooLarge: () => Error;
    readonly onHeader: (header: Buffer) => void;
    readonly onBody: (piece: Buffer) => void;
  }) {
    this.#limitBytes = parts.limitBytes;
    this.#tooLarge = parts.tooLarge;
    this.#onHeader = parts.onHeader;
    this.#onBody = parts.onBody;
  }

  /** Lines that end in CRLF, cut anywhere. */
  take(piece: Buffer): void {
    if (this.#isOpen) {
      this.#onBody(piece);
      return;
    }
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    // A header in small pieces is not looked at again and again.
    if (piece.includes(LF)) this.#look(false);
  }

  end(): void {
    if (!this.#isOpen) this.#look(true);
  }

  #look(isWhole: boolean): void {
    const data = this.#pieces.length === 1 ? (this.#pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#pieces);
    this.#pieces = [data];
    const found = readHeader(data);
    if (found.end < 0 && !isWhole) {
      if (this.#bytes > this.#limitBytes) throw this.#tooLarge();
      return;
    }
    this.#isOpen = true;
    this.#pieces = [];
    const end = found.end < 0 ? data.length : found.end;
    if (end > this.#limitBytes) throw this.#tooLarge();
    const fields = data.subarray(found.start, end);
    this.#onHeader(found.isClosed ? fields : Buffer.concat([fields, CRLF]));
    if (end < data.length) this.#onBody(data.subarray(end));
  }
}

/** `end` is -1 while it may go on. `isClosed`: the empty line is part of it. */
function readHeader(data: Buffer): { readonly start: number; readonly end: number; readonly isClosed: boolean } {
  let start = 0;
  let hasField = false;
  for (let at = 0; at < data.length; ) {
    const lf = data.indexOf(LF, at);
    if (lf < 0) break;
    const first = data[at];
    if (first === CR && lf === at + 1) return { start, end: lf + 1, isClosed: true };
    const isContinuation = first === SPACE || first === TAB;
    const text = data.toString("latin1", at, Math.min(lf, at + NAME_BYTES));
    if (!hasField && MARK.test(text)) start = lf + 1;
    else if (isContinuation ? !hasField : !FIELD.test(text)) return { start, end: at, isClosed: false };
    else hasField = true;
    at = lf + 1;
  }
  return { start, end: -1, isClosed: false };
}
