/**
 * Quoted-printable and base64 (RFC 2045 6.7, 6.8), written piece by piece. Decoding gives back every octet: line ends are CRLF, and a CR or LF
 * that stands alone is no line end.
 */

export interface TransferEncoder {
  write(piece: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const DASH = 45;
const EQUALS = 61;
// RFC 2045 6.7 (5), 6.8: 76 characters a line
const LINE = 76;
const BASE64_LINE_OCTETS = 57;
const hex = "0123456789ABCDEF";

export class QuotedPrintableEncoder implements TransferEncoder {
  /** Characters on the line that is being written. */
  #column = 0;
  /** The line that is being written began behind a soft break. */
  #isContinued = false;
  /** A CR, or white space and perhaps a CR, of which it is not known whether the line ends behind it. */
  #blank = -1;
  #hasCr = false;

  write(piece: Uint8Array): Uint8Array {
    const out = new Output(piece.length * 4 + 32);
    for (let at = 0; at < piece.length; at += 1) this.#octet(piece[at] ?? 0, out);
    return out.taken();
  }

  end(): Uint8Array {
    const out = new Output(32);
    this.#blankAtEnd(out);
    if (this.#hasCr) this.#quoted(CR, out);
    this.#hasCr = false;
    return out.taken();
  }

  #octet(octet: number, out: Output): void {
    if (this.#hasCr) {
      this.#hasCr = false;
      if (octet === LF) {
        // RFC 2045 6.7 (3): white space at the end of a line must be written as codes
        this.#blankAtEnd(out);
        out.push(CR);
        out.push(LF);
        this.#column = 0;
        this.#isContinued = false;
        return;
      }
      this.#blankInside(out);
      this.#quoted(CR, out);
    }
    if (octet === CR) {
      this.#hasCr = true;
      return;
    }
    this.#blankInside(out);
    if (octet === SPACE || octet === TAB) this.#blank = octet;
    else if (octet > SPACE && octet < 127 && octet !== EQUALS) this.#plain(octet, out);
    else this.#quoted(octet, out);
  }

  #blankInside(out: Output): void {
    if (this.#blank < 0) return;
    const octet = this.#blank;
    this.#blank = -1;
    this.#plain(octet, out);
  }

  #blankAtEnd(out: Output): void {
    if (this.#blank < 0) return;
    const octet = this.#blank;
    this.#blank = -1;
    this.#quoted(octet, out);
  }

  #plain(octet: number, out: Output): void {
    this.#room(1, out);
    // A break in the middle of a line must not make a line that looks like a boundary.
    if (octet === DASH && this.#column === 0 && this.#isContinued) this.#quoted(octet, out);
    else {
      out.push(octet);
      this.#column += 1;
    }
  }

  #quoted(octet: number, out: Output): void {
    this.#room(3, out);
    out.push(EQUALS);
    out.push(hex.charCodeAt(octet >> 4));
    out.push(hex.charCodeAt(octet & 15));
    this.#column += 3;
  }

  #room(characters: number, out: Output): void {
    if (this.#column + characters < LINE) return;
    out.push(EQUALS);
    out.push(CR);
    out.push(LF);
    this.#column = 0;
    this.#isContinued = true;
  }
}

export class Base64Encoder implements TransferEncoder {
  #rest: Buffer = Buffer.alloc(0);

  write(piece: Uint8Array): Uint8Array {
    const octets = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    const whole = octets.length - (octets.length % BASE64_LINE_OCTETS);
    this.#rest = Buffer.from(octets.subarray(whole));
    return linesOf(octets.subarray(0, whole));
  }

  end(): Uint8Array {
    const { length } = this.#rest;
    const lines = length > 0 ? linesOf(this.#rest) : Buffer.alloc(0);
    this.#rest = Buffer.alloc(0);
    return lines;
  }
}

function linesOf(octets: Uint8Array): Buffer {
  const lines: string[] = [];
  for (let at = 0; at < octets.length; at += BASE64_LINE_OCTETS) {
    const line = octets.subarray(at, at + BASE64_LINE_OCTETS);
    lines.push(Buffer.from(line.buffer, line.byteOffset, line.length).toString("base64"), "\r\n");
  }
  return Buffer.from(lines.join(""), "latin1");
}

/** Octets that are put one behind the other into a buffer that is large enough. */
class Output {
  readonly #bytes: Buffer;
  #length = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  push(octet: number): void {
    this.#bytes[this.#length] = octet;
    this.#length += 1;
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
