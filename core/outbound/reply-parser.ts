/**
 * Replies as they come over the wire (RFC 5321 4.2), from chunks that may end anywhere. Throws `ReplyFault` for what is no reply, and
 * for lines or replies without end: whoever says such a thing cannot be trusted to say anything afterwards.
 */

/** One whole reply. */
export interface Reply {
  readonly code: number;
  /** What stands behind the code, line by line, as it came. */
  readonly lines: readonly string[];
}

export class ReplyFault extends Error {
  override readonly name = "ReplyFault";
}

// RFC 5321 4.5.3.1.5: 512 octets. Lenient: explanations with long URLs are met in the wild.
const LINE_LIMIT_BYTES = 4_096;
const LINES_LIMIT = 200;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const HYPHEN = 0x2d;
const ZERO = 0x30;

export class ReplyParser {
  /** The beginning of a line whose end is still to come. */
  #rest: Buffer | null = null;
  #code = 0;
  #lines: string[] = [];

  /** Something of a reply has come, and not its end. */
  get isWithinReply(): boolean {
    return this.#rest !== null || this.#lines.length > 0;
  }

  /** Tells of each reply that is whole now. */
  push(chunk: Buffer, whole: (reply: Reply) => void): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    let start = 0;
    // Lenient: a lone LF ends a line as well, nobody means anything else by it.
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, start)) {
      this.#line(bytes, start, lf > start && bytes[lf - 1] === CR ? lf - 1 : lf, whole);
      start = lf + 1;
    }
    if (start === bytes.length) return;
    if (bytes.length - start > LINE_LIMIT_BYTES) throw new ReplyFault("a line of the reply has no end");
    this.#rest = start === 0 ? bytes : Buffer.from(bytes.subarray(start));
  }

  #line(bytes: Buffer, start: number, end: number, whole: (reply: Reply) => void): void {
    if (end - start > LINE_LIMIT_BYTES) throw new ReplyFault("a line of the reply is too long");
    const code = codeAt(bytes, start, end);
    const separator = end - start > 3 ? bytes[start + 3] : SPACE; // RFC 5321 4.2: a code alone is a whole line, too
    if (code === 0 || (separator !== SPACE && separator !== HYPHEN)) throw new ReplyFault("what came is no reply");
    // RFC 5321 4.2.1: each line has the same code
    if (this.#lines.length > 0 && code !== this.#code)
      throw new ReplyFault("the lines of the reply have several codes");
    if (this.#lines.length >= LINES_LIMIT) throw new ReplyFault("the reply has too many lines");
    const text = bytes.toString("utf8", start + 4, Math.max(end, start + 4));
    if (separator === SPACE && this.#lines.length === 0) {
      whole({ code, lines: [text] });
      return;
    }
    this.#code = code;
    this.#lines.push(text);
    if (separator === HYPHEN) return;
    const lines = this.#lines;
    this.#lines = [];
    whole({ code, lines });
  }
}

/** RFC 5321 4.2: 2yz to 5yz, y up to 5. Lenient: any second digit. 0 if it is none. */
function codeAt(bytes: Buffer, start: number, end: number): number {
  if (end - start < 3) return 0;
  const [first, second, third] = [digit(bytes[start]), digit(bytes[start + 1]), digit(bytes[start + 2])];
  return first < 2 || first > 5 || second < 0 || third < 0 ? 0 : first * 100 + second * 10 + third;
}

const digit = (octet: number | undefined): number =>
  octet !== undefined && octet >= ZERO && octet <= ZERO + 9 ? octet - ZERO : -1;
