/**
 * From the octets of a message to those of an mbox: LF line ends, `From ` at the beginning of a line quoted, fields that would be taken for
 * the mailbox's own left out. What comes out is as long as what comes in, at most a quarter more; the rest waits for its line end.
 */
import { MAX_META_NAME, metaKind } from "./meta-fields.ts";
import { MAX_MARKS, type MboxQuoting } from "./quoting.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const F = 70;
const GREATER = 62;
/** A line of which more is here is passed on in pieces. */
const LONG = 128 * 1024;
const NONE: Buffer = Buffer.alloc(0);

export class MboxEncoder {
  readonly #quoting: MboxQuoting;
  #isInHeader = true;
  #isLeftOut = false;
  /** In the middle of a long line. */
  #isInside = false;
  #carry = NONE;
  #out = NONE;
  #length = 0;
  #total = 0;
  #fields = -1;
  #quoted = 0;
  #bareLf = 0;
  #last = 0;

  constructor(quoting: MboxQuoting) {
    this.#quoting = quoting;
  }

  /** Octets in front of the empty line behind the header, or all if there is none: here the mailbox's own fields go. */
  get fields(): number {
    return this.#fields < 0 ? this.#total : this.#fields;
  }

  get hasBody(): boolean {
    return this.#fields >= 0;
  }

  get hasQuoted(): boolean {
    return this.#quoted > 0;
  }

  /** Octets as they will be fetched. */
  get sizeBytes(): number {
    return this.#total + this.#bareLf - this.#quoted;
  }

  /** Octets of the body. */
  get bodyLength(): number {
    return this.#fields < 0 ? 0 : this.#total - this.#fields - 1;
  }

  write(piece: Uint8Array): Buffer {
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, piece]) : asBuffer(piece);
    this.#begin(bytes.length);
    let at = 0;
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, at)) {
      // A CR in front of a CRLF would be lost if that became a LF: it stays as it is.
      const isCrlf = lf > at && bytes[lf - 1] === CR && (lf - 1 === at || bytes[lf - 2] !== CR);
      this.#line(bytes, at, isCrlf ? lf - 1 : lf);
      this.#endLine();
      at = lf + 1;
    }
    let rest = bytes.subarray(at);
    if (rest.length > LONG) {
      this.#line(rest, 0, rest.length - 2);
      this.#isInside = true;
      rest = rest.subarray(rest.length - 2);
    }
    this.#carry = Buffer.from(rest);
    return this.#done();
  }

  /** The last line, if it has no end. A field gets one, so that others can follow. */
  end(): Buffer {
    this.#begin(this.#carry.length + 1);
    if (this.#carry.length > 0 || this.#isInside) {
      this.#line(this.#carry, 0, this.#carry.length);
      if (this.#isInHeader) this.#endLine();
    }
    this.#carry = NONE;
    return this.#done();
  }

  #line(bytes: Buffer, from: number, to: number): void {
    if (!this.#isInside) this.#classify(bytes, from, to);
    if (this.#isLeftOut) return;
    this.#length += bytes.copy(this.#out, this.#length, from, to);
  }

  #classify(bytes: Buffer, from: number, to: number): void {
    if (!this.#isInHeader) {
      if (this.#quoting === "none") return;
      const marks = this.#marksOfFrom(bytes, from, to);
      if (marks < 0) return;
      if (this.#quoting === "mboxrd" || marks === 0) this.#push(GREATER);
      if (this.#quoting === "mboxrd" || marks <= 1) this.#quoted++;
      return;
    }
    if (from === to) {
      this.#isInHeader = false;
      this.#isLeftOut = false;
      this.#fields = this.#total + this.#length;
      return;
    }
    const isFolded = bytes[from] === SPACE || bytes[from] === TAB;
    if (isFolded) return;
    const start = bytes.toString("latin1", from, Math.min(to, from + MAX_META_NAME + 1));
    const kind = metaKind(start);
    // A From_ line that came along is no field; it would begin a message here.
    this.#isLeftOut = (kind !== null && kind !== "lines") || /^>*From /.test(start);
  }

  /** How many `>` stand in front of a `From `; -1: it is none. */
  #marksOfFrom(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (bytes[at] === GREATER && at - from < MAX_MARKS && at < to) at++;
    return bytes[at] === F && bytes.toString("latin1", at, Math.min(at + 5, to)) === "From " ? at - from : -1;
  }

  #endLine(): void {
    this.#isInside = false;
    if (this.#isLeftOut) return;
    const before = this.#length > 0 ? this.#out[this.#length - 1] : this.#last;
    if (before !== CR) this.#bareLf++;
    this.#push(LF);
  }

  #begin(size: number): void {
    this.#out = Buffer.allocUnsafe(size + (size >> 2) + 16);
    this.#length = 0;
  }

  #push(octet: number): void {
    this.#out[this.#length++] = octet;
  }

  #done(): Buffer {
    this.#total += this.#length;
    const done = this.#out.subarray(0, this.#length);
    this.#last = done.at(-1) ?? this.#last;
    this.#out = NONE;
    return done;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
