/**
 * Replaces a part of a file so that a crash at any moment loses nothing. What is to stand there is written to a journal beside the mailbox
 * first, on disk before the file itself is touched; whoever finds a journal finishes the work. The file keeps its inode, as other programs
 * have their locks on it. If another program has appended in between, that is kept; if it has rewritten the file, what the journal holds
 * is handed to the caller to be kept as another mailbox.
 */

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { attempt, Breather, errnoOf } from "postern/store";

const BLOCK = 256 * 1024;
/** The kernel writes pages of the file as a whole, also for a process that is killed. */
const PAGE = 4096;
const HEAD_LIMIT = 64 * 1024 * 1024;

/** Octets as they are in the file before, or new ones. */
export type Piece = Buffer | { readonly from: number; readonly length: number };

/** From `at` on, `oldLength` octets become `pieces`. If the length changes, the range goes to the end of the file. */
export interface Replacement {
  readonly at: number;
  readonly oldLength: number;
  /** Gone through once. */
  readonly pieces: Iterable<Piece> | AsyncIterable<Piece>;
}

interface Head {
  readonly ino: number;
  readonly at: number;
  readonly oldLength: number;
  readonly newLength: number;
  readonly oldSize: number;
  readonly newSize: number;
  /** Checksums of what was there, page by page. */
  readonly old: readonly number[];
  /** Checksum of what is cut off at the end. */
  readonly cut: number;
}

function readInto(fd: number, into: Buffer, position: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

export function flushDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The steps between which a test lets the power fail. */
export type Step = "written" | "named" | "extended" | "copied" | "truncated" | "flushed";

/** Under the mailbox's lock. */
export async function replace(
  fd: number,
  journal: string,
  { at, oldLength, pieces }: Replacement,
  step: (step: Step) => void = () => {},
): Promise<void> {
  const { size, ino } = fstatSync(fd);
  const source = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  const first = await source.next();
  if (first.done && at + oldLength === size) {
    // One call of the kernel: there is no middle.
    ftruncateSync(fd, at);
    fsyncSync(fd);
    return;
  }
  const breather = new Breather();
  const old = await pageSums(fd, { from: at, to: at + oldLength }, breather);
  const temporary = `${journal}.tmp`;
  const out = openSync(
    temporary,
    constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    const newLength = await writePayload({ from: fd, to: out }, { first, source }, breather);
    const newSize = size - oldLength + newLength;
    const cut = await sumOf(fd, { from: newSize, to: size }, breather);
    const head: Head = { ino, at, oldLength, newLength, oldSize: size, newSize, old, cut };
    const text = Buffer.from(JSON.stringify(head));
    const tail = Buffer.alloc(12);
    tail.writeUInt32BE(text.length, 0);
    tail.writeUInt32BE(crc32(text), 4);
    tail.write("mbox", 8, "latin1");
    writeAll(out, Buffer.concat([text, tail]), newLength);
    fsyncSync(out);
    step("written");
    renameSync(temporary, journal);
    flushDirectory(dirname(journal));
    step("named");
    await redo(fd, out, head, breather, step);
  } catch (cause) {
    attempt(() => unlinkSync(temporary));
    throw cause;
  } finally {
    closeSync(out);
  }
  unlinkSync(journal);
}

/** Answers its length. Ranges are read by large blocks: there may be very many, close to each other. */
async function writePayload(
  { from, to }: { readonly from: number; readonly to: number },
  { first, source }: { readonly first: IteratorResult<Piece>; readonly source: Iterator<Piece> | AsyncIterator<Piece> },
  breather: Breather,
): Promise<number> {
  const out = Buffer.allocUnsafe(BLOCK);
  const seen = new Seen(from);
  let filled = 0;
  let position = 0;
  const put = () => {
    writeAll(to, out.subarray(0, filled), position);
    position += filled;
    filled = 0;
  };
  for (let next = first; !next.done; next = await source.next()) {
    const piece = next.value;
    for (let done = 0; done < piece.length; ) {
      const room = Math.min(BLOCK - filled, piece.length - done);
      const count = Buffer.isBuffer(piece)
        ? piece.copy(out, filled, done, done + room)
        : seen.copy(out.subarray(filled, filled + room), piece.from + done);
      filled += count;
      done += count;
      if (filled === BLOCK) put();
      if (breather.isDue) await breather.pause();
    }
  }
  put();
  return position;
}

/** A block of the file as it was. */
class Seen {
  readonly #fd: number;
  readonly #block = Buffer.allocUnsafe(BLOCK);
  #from = 0;
  #to = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Fills as much as is at hand, at least something. */
  copy(into: Buffer, position: number): number {
    if (position < this.#from || position >= this.#to) {
      this.#from = position;
      this.#to = position + readInto(this.#fd, this.#block, position);
      if (this.#to === position)
        throw Object.assign(new Error("the mailbox became shorter while it was locked"), { code: "EIO" });
    }
    return this.#block.copy(into, 0, position - this.#from, this.#to - this.#from);
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** The parts of a range that stand in one page of the file each, with what is in them. */
async function* pagesOf(
  fd: number,
  { from, to }: Range,
  breather: Breather,
): AsyncGenerator<{ readonly at: number; readonly bytes: Buffer }> {
  const block = Buffer.allocUnsafe(BLOCK);
  for (let position = from; position < to; ) {
    const end = Math.min(to, Math.floor(position / PAGE) * PAGE + BLOCK);
    const bytes = block.subarray(0, readInto(fd, block.subarray(0, end - position), position));
    if (bytes.length === 0) return;
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + PAGE - ((position + at) % PAGE));
      yield { at: position + at, bytes: bytes.subarray(at, next) };
      at = next;
    }
    position += bytes.length;
    if (breather.isDue) await breather.pause();
  }
}

async function sumOf(fd: number, range: Range, breather: Breather): Promise<number> {
  let sum = 0;
  for await (const { bytes } of pagesOf(fd, range, breather)) sum = crc32(bytes, sum);
  return sum;
}

async function pageSums(fd: number, range: Range, breather: Breather): Promise<readonly number[]> {
  const sums: number[] = [];
  for await (const { bytes } of pagesOf(fd, range, breather)) sums.push(crc32(bytes));
  return sums;
}

/** Any number of times, from any state in between. */
async function redo(
  fd: number,
  journal: number,
  head: Head,
  breather: Breather,
  step: (step: Step) => void,
): Promise<void> {
  if (fstatSync(fd).size < head.newSize) ftruncateSync(fd, head.newSize);
  step("extended");
  const block = Buffer.allocUnsafe(BLOCK);
  for (let done = 0; done < head.newLength; ) {
    const count = readInto(journal, block.subarray(0, Math.min(BLOCK, head.newLength - done)), done);
    writeAll(fd, block.subarray(0, count), head.at + done);
    done += count;
    step("copied");
    if (breather.isDue) await breather.pause();
  }
  if (head.newSize < head.oldSize) ftruncateSync(fd, head.newSize);
  step("truncated");
  fsyncSync(fd);
  step("flushed");
}

export type Recovery = "none" | "finished" | "rewritten";

/**
 * Under the lock, before anybody looks at the file. `rewritten`: others have changed the file in another way since; the journal is left for
 * the caller, who copies its first `payloadLength` octets elsewhere.
 */
export async function recover(
  fd: number,
  journal: string,
): Promise<{ readonly at: Recovery; readonly payloadLength: number }> {
  const none = { at: "none", payloadLength: 0 } as const;
  let out: number;
  try {
    out = openSync(journal, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return none;
    throw cause;
  }
  try {
    const head = readHead(out);
    if (!head) {
      // It gets its name when all of it is on disk: this one is no journal.
      unlinkSync(journal);
      return none;
    }
    const breather = new Breather();
    const extra = await extraOf(fd, out, head, breather);
    if (extra === null) return { at: "rewritten", payloadLength: head.newLength };
    await redo(fd, out, { ...head, oldSize: head.newSize }, breather, () => {});
    if (fstatSync(fd).size > head.newSize) ftruncateSync(fd, head.newSize);
    writeAll(fd, extra, head.newSize);
    fdatasyncSync(fd);
    unlinkSync(journal);
    return { at: "finished", payloadLength: head.newLength };
  } finally {
    closeSync(out);
  }
}

function readHead(fd: number): Head | null {
  const { size } = fstatSync(fd);
  const tail = Buffer.alloc(12);
  if (size < 12 || readInto(fd, tail, size - 12) < 12 || tail.toString("latin1", 8) !== "mbox") return null;
  const length = tail.readUInt32BE(0);
  if (length < 2 || length > Math.min(HEAD_LIMIT, size - 12)) return null;
  const text = Buffer.alloc(length);
  readInto(fd, text, size - 12 - length);
  if (crc32(text) !== tail.readUInt32BE(4)) return null;
  const head = JSON.parse(text.toString()) as Head;
  return head.newLength === size - 12 - length ? head : null;
}

const MAX_EXTRA = 256 * 1024 * 1024;

/** What others have appended since the crash; `null`: the file is not in any state that the work goes through. */
async function extraOf(fd: number, journal: number, head: Head, breather: Breather): Promise<Buffer | null> {
  const { size, ino } = fstatSync(fd);
  if (ino !== head.ino) return null;
  for (const end of [...new Set([head.oldSize, head.newSize, Math.max(head.oldSize, head.newSize)])].sort(
    (a, b) => b - a,
  )) {
    if (size < end || size - end > MAX_EXTRA) continue;
    if (!(await isBetween(fd, journal, head, { end, breather }))) continue;
    // Cut off already, and somebody has appended as much?
    const cut = { from: head.newSize, to: head.oldSize };
    if (end > head.newSize && end === head.oldSize && (await sumOf(fd, cut, breather)) !== head.cut) continue;
    const extra = Buffer.alloc(size - end);
    readInto(fd, extra, end);
    return extra;
  }
  return null;
}

/**
 * Whether the range up to `end` holds pages with new octets, then such with old ones. What is behind the new octets is still to be cut
 * off; what is behind the old ones are the zeros of a file that was made longer.
 */
async function isBetween(
  fd: number,
  journal: number,
  head: Head,
  { end, breather }: { readonly end: number; readonly breather: Breather },
): Promise<boolean> {
  const to = Math.min(end, head.at + Math.max(head.oldLength, head.newLength));
  const fresh = Buffer.allocUnsafe(PAGE);
  let isOldNow = false;
  let index = 0;
  for await (const { at, bytes } of pagesOf(fd, { from: head.at, to }, breather)) {
    const done = at - head.at;
    const room = Math.max(0, Math.min(bytes.length, head.newLength - done));
    const wanted = fresh.subarray(0, readInto(journal, fresh.subarray(0, room), done));
    const sum = head.old[index++];
    if (!isOldNow && wanted.length > 0 && bytes.subarray(0, wanted.length).equals(wanted)) continue;
    const old = bytes.subarray(0, Math.max(0, Math.min(bytes.length, head.oldLength - done)));
    if ((old.length > 0 && crc32(old) !== sum) || bytes.subarray(old.length).some((octet) => octet !== 0)) return false;
    isOldNow = true;
  }
  return true;
}
