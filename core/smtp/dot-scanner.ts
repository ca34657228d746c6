/**
 * Message content on the wire (RFC 5321 4.1.1.4, 4.5.2): takes the stuffed dots away and finds the end, in place, without
 * turning octets into strings. Only CRLF.CRLF ends a message, however its octets are cut into chunks. Counts what RFC 5321
 * 2.3.8 and 4.1.1.4 forbid (LF without CR, CR without LF, NUL), and what limits are about. Never throws.
 */

import type { Framing } from "./content.ts";
import { CR, DOT, LF, moveDown, NUL, positionOf, SPACE, TAB } from "./octets.ts";

/** Where the next octet stands. */
const IN_LINE = 0;
const LINE_START = 1;
const AFTER_CR = 2;
const AFTER_DOT = 3;
const AFTER_DOT_CR = 4;

const CR_ALONE: Buffer = Buffer.from("\r");

export class DotScanner implements Framing {
  readonly #onPiece: (piece: Buffer) => void;
  #place: number = LINE_START;
  #isInHeader = true;
  /** Octets of the line under way that came in chunks before. */
  #lineBytes = 0;
  /** Line ends other than CRLF. */
  bareLineEnds = 0;
  hasNul = false;
  longestLineBytes = 0;
  headerBytes = 0;
  /** Lines of the header that do not continue another. */
  headerFields = 0;

  /** `onPiece` gets the content: at most two pieces for each chunk, which are parts of it. */
  constructor(onPiece: (piece: Buffer) => void) {
    this.#onPiece = onPiece;
  }

  /**
   * Scans from `start`; answers where that begins which follows the message, or -1 if it has not ended. Moves octets inside
   * the chunk, up to the offset it answers.
   */
  scan(chunk: Buffer, start: number): number {
    let place = this.#place;
    let at = start;
    if (place === AFTER_DOT_CR && at < chunk.length && chunk[at] !== LF) {
      // The dot is gone, and its CR turns out to be content.
      this.#onPiece(CR_ALONE);
      this.bareLineEnds++;
      place = IN_LINE;
    }
    const length = chunk.length;
    /** Content in [from, at) is still to be moved to `to`. */
    let from = at;
    let to = at;
    let lineStart = at - this.#lineBytes;
    let end = -1;
    /** The next LF, if it is not before `at`. */
    let lf = -1;

    while (at < length) {
      const octet = chunk[at] as number;
      if (place === IN_LINE) {
        // Searching is native code, many times faster than looking at each octet here.
        const cr = positionOf(chunk, CR, at);
        if (lf < at) lf = positionOf(chunk, LF, at);
        for (; lf < cr; lf = positionOf(chunk, LF, lf + 1)) this.bareLineEnds++;
        at = cr;
        if (cr < length) {
          at++;
          place = AFTER_CR;
        }
        if (lf === at && !this.#isInHeader && at + 1 < length) {
          // The common case, in one go: a line of the body ends, another begins.
          at++;
          if (at - lineStart > this.longestLineBytes) this.longestLineBytes = at - lineStart;
          lineStart = at;
          place = chunk[at] === DOT ? LINE_START : IN_LINE;
        }
      } else if (place === AFTER_CR) {
        place = IN_LINE;
        if (octet === LF) {
          at++;
          this.#endLine(at - lineStart);
          lineStart = at;
          place = LINE_START;
        } else {
          this.bareLineEnds++;
        }
      } else if (place === LINE_START) {
        if (octet === DOT) {
          // RFC 5321 4.5.2: a dot that begins a line is never content
          moveDown(chunk, to, from, at);
          to += at - from;
          at++;
          from = at;
          place = AFTER_DOT;
        } else {
          if (this.#isInHeader && octet !== CR && octet !== SPACE && octet !== TAB) this.headerFields++;
          place = IN_LINE;
        }
      } else if (place === AFTER_DOT) {
        if (octet === CR) {
          at++;
          place = AFTER_DOT_CR;
        } else {
          if (this.#isInHeader && octet !== SPACE && octet !== TAB) this.headerFields++;
          place = IN_LINE;
        }
      } else if (octet === LF) {
        at++;
        end = at;
        break;
      } else {
        // AFTER_DOT_CR in one chunk: the CR stands in [from, at) and is content
        this.bareLineEnds++;
        place = IN_LINE;
      }
    }

    // The CR behind a dropped dot waits for the octet that follows it.
    const upTo = end >= 0 || place === AFTER_DOT_CR ? from : at;
    moveDown(chunk, to, from, upTo);
    to += upTo - from;
    if (to > start) {
      const piece = chunk.subarray(start, to);
      if (piece.includes(NUL)) this.hasNul = true;
      this.#onPiece(piece);
    }
    this.#place = place;
    this.#lineBytes = at - lineStart;
    if (this.#lineBytes > this.longestLineBytes) this.longestLineBytes = this.#lineBytes;
    return end;
  }

  /** CRLF.CRLF leaves nothing open. */
  finish(): void {}

  #endLine(bytes: number): void {
    if (bytes > this.longestLineBytes) this.longestLineBytes = bytes;
    if (!this.#isInHeader) return;
    this.headerBytes += bytes;
    if (bytes === 2) this.#isInHeader = false;
  }
}
