/**
 * What is known of an mbox, so that an unchanged one need not be read: a file of lines, each with a checksum, which grows with each change
 * and is written anew when most of it is past. It may be deleted at any time, which costs reading the mbox. Written under the mailbox's
 * lock; a line counts only together with the look of the file that follows it. Faults of it are told once and cost time only.
 */

import { closeSync, constants, fstatSync, openSync, readSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { attempt, errnoOf } from "postern/store";
import type { Row } from "./message.ts";

const VERSION = 1;
/** Rows in one line. */
const BATCH = 500;
const MIN_REWRITE = 256 * 1024;

/** One change of the mailbox. */
export interface Change {
  /** Messages that are new, or of which anything but flags is another. */
  readonly put?: readonly Row[];
  /** `[uid, modseq, flags, isOld, crc]` */
  readonly flags?: readonly (readonly [number, number, string, number, number])[];
  readonly gone?: readonly number[];
  /** From this UID on, messages stand so many octets further. `[uid, by]`, ascending. Of messages as they are after `gone`. */
  readonly moved?: readonly (readonly [number, number])[];
  /** The message that is none; `null`: there is none any more. */
  readonly lead?: Row | null;
}

/** The mailbox as a whole after a change. */
export interface Look {
  /** Of the file: inode, size, times. Empty: to be compared with the file. */
  readonly stamp: string;
  /** Where the last message ends. */
  readonly end: number;
  readonly uidNext: number;
  readonly modseq: number;
  readonly keywords: readonly string[];
  /** Others may have changed flags in the middle. */
  readonly isDoubtful: boolean;
}

export interface Head {
  readonly uidValidity: number;
  readonly quoting: string;
}

/** An append that was begun: if the file is shorter than `to`, what stands behind `from` is a piece of a message. */
export interface Begun {
  readonly from: number;
  readonly to: number;
  /** How it begins. */
  readonly head: string;
}

export type Line =
  | { readonly head: Head & { readonly version: number } }
  | { readonly change: Change; readonly look?: Look }
  | { readonly begun: Begun };

export interface ReadIndex {
  /** `null`: the lines go on where those before ended; else they are the whole index, and what was known is to be forgotten. */
  readonly head: Head | null;
  readonly lines: Iterable<Line>;
}

export class IndexFile {
  readonly #path: string;
  #ino = -1;
  #position = 0;
  /** Octets of the last whole writing. */
  #base = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What others wrote since the last look. `null`: there is nothing, or it is damaged. */
  read(): ReadIndex | null {
    let fd: number;
    try {
      fd = openSync(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return this.#lost();
      throw cause;
    }
    try {
      const { ino, size } = fstatSync(fd);
      const isFresh = ino !== this.#ino || size < this.#position;
      const from = isFresh ? 0 : this.#position;
      const bytes = Buffer.allocUnsafe(size - from);
      const count = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, from);
      const written = bytes.subarray(0, count);
      if (!isWhole(written)) return this.#lost();
      const head = isFresh ? headOf(written) : null;
      if (isFresh && !head) return this.#lost();
      if (isFresh) this.#base = size;
      this.#ino = ino;
      this.#position = from + count;
      return { head, lines: linesOf(written) };
    } finally {
      closeSync(fd);
    }
  }

  #lost(): null {
    this.#ino = -1;
    this.#position = 0;
    return null;
  }

  /** Whether it has room for another line, as far as can be told without opening it. */
  get canAppend(): boolean {
    return this.#ino !== -1 && this.#position <= Math.max(MIN_REWRITE, 2 * this.#base);
  }

  /** Adds a line; `false`: it has to be written anew as a whole. */
  append(line: Line): boolean {
    if (!this.canAppend) return false;
    const fd = openSync(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    try {
      const { ino, size } = fstatSync(fd);
      if (ino !== this.#ino || size !== this.#position) return false;
      const bytes = Buffer.from(format(line));
      let done = 0;
      while (done < bytes.length) done += writeSync(fd, bytes, done);
      this.#position += bytes.length;
      return true;
    } finally {
      closeSync(fd);
    }
  }

  /** Also without knowing what is in it: for whoever delivers. */
  note(begun: Begun): void {
    attempt(() => {
      const fd = openSync(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
      try {
        const { ino, size } = fstatSync(fd);
        const count = writeSync(fd, format({ begun }));
        if (ino === this.#ino && size === this.#position) this.#position += count;
      } finally {
        closeSync(fd);
      }
    });
  }

  replace(head: Head, whole: { readonly rows: Iterable<Row>; readonly lead: Row | null; readonly look: Look }): void {
    const temporary = `${this.#path}.tmp`;
    const fd = openSync(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    let size = 0;
    const write = (line: Line) => {
      const bytes = Buffer.from(format(line));
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      size += bytes.length;
    };
    try {
      write({ head: { ...head, version: VERSION } });
      let put: Row[] = [];
      for (const row of whole.rows) {
        put.push(row);
        if (put.length < BATCH) continue;
        write({ change: { put } });
        put = [];
      }
      write({ change: { put, lead: whole.lead }, look: whole.look });
      const { ino } = fstatSync(fd);
      renameSync(temporary, this.#path);
      this.#ino = ino;
      this.#position = size;
      this.#base = size;
    } finally {
      closeSync(fd);
    }
  }

  remove(): void {
    attempt(() => unlinkSync(this.#path));
    this.#lost();
  }
}

function format(line: Line): string {
  const text = JSON.stringify(line);
  return `${crc32(text).toString(16).padStart(8, "0")} ${text}\n`;
}

/** Where each line ends. */
function* endsOf(bytes: Buffer): Generator<readonly [number, number]> {
  for (let at = 0; at < bytes.length; ) {
    const lf = bytes.indexOf(10, at);
    const end = lf < 0 ? bytes.length : lf;
    yield [at, end];
    at = end + 1;
  }
}

/** Whether all lines are there, as they were written. */
function isWhole(bytes: Buffer): boolean {
  if (bytes.length > 0 && bytes[bytes.length - 1] !== 10) return false;
  for (const [at, end] of endsOf(bytes)) {
    const sum = crc32(bytes.subarray(at + 9, end))
      .toString(16)
      .padStart(8, "0");
    if (sum !== bytes.toString("latin1", at, at + 8)) return false;
  }
  return true;
}

function headOf(bytes: Buffer): Head | null {
  const [first] = linesOf(bytes);
  return first && "head" in first && first.head.version === VERSION ? first.head : null;
}

/** Read when they are asked for, as there may be very many. */
function* linesOf(bytes: Buffer): Generator<Line> {
  for (const [at, end] of endsOf(bytes)) yield JSON.parse(bytes.toString("utf8", at + 9, end)) as Line;
}
