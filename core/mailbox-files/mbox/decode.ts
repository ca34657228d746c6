/**
 * From the octets of an mbox to those of a message: fields that belong to the mbox are left out, `>From ` becomes `From ` where it was
 * quoted, line ends become CRLF. Takes the octets of one message behind its From_ line, in order, in pieces of any size.
 */
import { withCrlf } from "../crlf.ts";
import type { MetaLine } from "./meta-fields.ts";
import { MAX_MARKS, type MboxQuoting } from "./quoting.ts";

const LF = 10;
const GREATER = 62;
const FROM = Buffer.from("From ");

export interface MboxForm {
  readonly header: number;
  readonly body: number;
  readonly meta: readonly MetaLine[];
  readonly isUnquoted: boolean;
}

export class MboxDecoder {
  readonly #form: MboxForm;
  readonly #isMboxo: boolean;
  /** Position of the next octet, counted from the From_ line. */
  #position: number;
  #before = 0;
  #nextMeta = 0;
  /** The beginning of a line of which it is not known yet whether it was quoted. */
  #held: Buffer = Buffer.alloc(0);
  #isAtLineStart = true;

  constructor(form: MboxForm, quoting: MboxQuoting) {
    this.#form = form;
    this.#isMboxo = quoting === "mboxo";
    this.#position = form.header;
  }

  write(piece: Buffer): Buffer {
    const start = this.#position;
    this.#position += piece.length;
    const shown = start < this.#form.body ? this.#withoutMeta(piece, start) : piece;
    return this.#crlf(this.#form.isUnquoted ? shown : this.#unquoted(shown, false));
  }

  end(): Buffer {
    return this.#crlf(this.#unquoted(Buffer.alloc(0), true));
  }

  #crlf(bytes: Buffer): Buffer {
    const before = this.#before;
    if (bytes.length > 0) this.#before = bytes[bytes.length - 1] ?? 0;
    return withCrlf(bytes, before);
  }

  #withoutMeta(piece: Buffer, start: number): Buffer {
    const kept: Buffer[] = [];
    let from = 0;
    for (; this.#nextMeta < this.#form.meta.length; this.#nextMeta++) {
      const line = this.#form.meta[this.#nextMeta];
      if (!line || line.at >= start + piece.length) break;
      if (line.at > start + from) kept.push(piece.subarray(from, line.at - start));
      from = Math.max(from, line.at + line.length - start);
      if (from > piece.length) {
        from = piece.length;
        break;
      }
    }
    if (from === 0) return piece;
    kept.push(piece.subarray(from));
    return Buffer.concat(kept);
  }

  /** Lines of the header are never quoted, but none there begins so either. */
  #unquoted(piece: Buffer, isLast: boolean): Buffer {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece;
    this.#held = Buffer.alloc(0);
    const out = Buffer.allocUnsafe(bytes.length);
    let length = 0;
    let from = 0;
    let at = 0;
    let isStart = this.#isAtLineStart;
    while (at < bytes.length) {
      if (isStart && bytes[at] === GREATER) {
        const marks = marksAt(bytes, at);
        const behind = at + marks;
        const isShort =
          bytes.length - behind < FROM.length && FROM.subarray(0, bytes.length - behind).equals(bytes.subarray(behind));
        if (isShort && !isLast && marks <= MAX_MARKS) {
          length += bytes.copy(out, length, from, at);
          this.#held = Buffer.from(bytes.subarray(at));
          this.#isAtLineStart = true;
          return out.subarray(0, length);
        }
        if (marks <= (this.#isMboxo ? 1 : MAX_MARKS) && FROM.equals(bytes.subarray(behind, behind + FROM.length))) {
          length += bytes.copy(out, length, from, at);
          from = at + 1;
        }
      }
      const lf = bytes.indexOf(LF, at);
      isStart = lf >= 0;
      at = lf < 0 ? bytes.length : lf + 1;
    }
    this.#isAtLineStart = isStart;
    length += bytes.copy(out, length, from);
    return out.subarray(0, length);
  }
}

function marksAt(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end] === GREATER && end - at <= MAX_MARKS) end++;
  return end - at;
}
