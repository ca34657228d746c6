/**
 * Cuts what a client sends into command lines under a limit, and hands what is no command to whoever reads content. Keeps
 * at most one incomplete line. Never throws: a bad line is a word instead of a line.
 */

import { CR, LF } from "./octets.ts";

const EMPTY: Buffer = Buffer.alloc(0);

/** RFC 5321 2.3.8: CRLF ends a line and nothing else does. */
export type CommandLine = Buffer | "too long" | "bare LF" | null;

export class CommandInput {
  readonly #limitBytes: number;
  chunk: Buffer = EMPTY;
  offset = 0;
  #partial: Buffer = EMPTY;
  #isSkipping = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The chunk before must have been used up. */
  offer(chunk: Buffer): void {
    this.chunk = chunk;
    this.offset = 0;
  }

  get isUsedUp(): boolean {
    return this.offset >= this.chunk.length;
  }

  /** The next whole line without its CRLF; `null` when more has to come. */
  line(): CommandLine {
    const { chunk, offset } = this;
    const lf = chunk.indexOf(LF, offset);
    if (lf < 0) {
      this.#keep(chunk.subarray(offset));
      this.offset = chunk.length;
      return null;
    }
    this.offset = lf + 1;
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return "too long";
    }
    let line = chunk.subarray(offset, lf);
    if (this.#partial.length > 0) {
      line = Buffer.concat([this.#partial, line]);
      this.#partial = EMPTY;
    }
    if (line.length + 1 > this.#limitBytes) return "too long";
    if (line.length === 0 || line[line.length - 1] !== CR) return "bare LF";
    return line.subarray(0, -1);
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0 || this.#isSkipping) return;
    if (this.#partial.length + rest.length >= this.#limitBytes) {
      this.#partial = EMPTY;
      this.#isSkipping = true;
      return;
    }
    // A copy: a few octets must not keep a whole chunk alive.
    this.#partial = Buffer.concat([this.#partial, rest]);
  }
}
