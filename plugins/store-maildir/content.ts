/**
 * Bytes of a message as they are fetched: CRLF line ends whatever stands on disk. Small ones are read at once, larger ones
 * by a stream that reads on demand. A file that is cut short while it is read ends the stream with an error.
 */

import { close, closeSync, fstatSync, read, readSync } from "node:fs";
import { Readable } from "node:stream";
import { StoreError } from "postern/plugin";
import { errnoOf, storeError, withCrlf } from "postern/store";
import type { MessageFile } from "./message-file.ts";

/** Up to here one synchronous read costs less than a trip through the thread pool. */
const SYNC_BYTES = 256 * 1024;
const CHUNK_BYTES = 64 * 1024;
const SMALL_BYTES = 64 * 1024;
const SLAB_BYTES = 256 * 1024;

export interface Range {
  readonly start: number;
  readonly length: number;
}

const cutShort = (): StoreError => new StoreError("unavailable", "The message changed while it was read");

/** Room for messages, cut from large pieces: a buffer for each takes longer than to read into it. */
let slab = Buffer.alloc(0);

function roomFor(size: number): Buffer {
  if (size > SLAB_BYTES / 4) return Buffer.allocUnsafeSlow(size);
  if (size > slab.length) slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  const room = slab.subarray(0, size);
  slab = slab.subarray(size);
  return room;
}

/** For whoever is done with a message before the next one is read. */
let borrowed = Buffer.alloc(0);

function borrowedRoom(size: number): Buffer {
  if (size > SMALL_BYTES) return Buffer.allocUnsafeSlow(size);
  if (borrowed.length === 0) borrowed = Buffer.allocUnsafeSlow(SMALL_BYTES);
  return borrowed;
}

type Bytes = Buffer | null;

/** The whole message if it is no larger than the limit. */
export const messageBytes = (file: MessageFile, limitBytes: number): Bytes | Promise<Bytes> =>
  bytesOf(file, limitBytes, roomFor);

/** The same, in a buffer that the next call may use again. */
export const borrowedBytes = (file: MessageFile, limitBytes: number): Bytes | Promise<Bytes> =>
  bytesOf(file, limitBytes, borrowedRoom);

function bytesOf(file: MessageFile, limitBytes: number, room: (size: number) => Buffer): Bytes | Promise<Bytes> {
  if (file.sizeBytes > limitBytes) return null;
  try {
    return readSmall(file, room) ?? readAny(file, limitBytes);
  } catch (cause) {
    throw storeError(cause);
  }
}

/** A small message that can be sent as it stands, if it is what is known of it: that takes three calls of the system. */
function readSmall(file: MessageFile, room: (size: number) => Buffer): Buffer | null {
  const size = file.crlfBytes;
  if (size < 0 || size >= SYNC_BYTES) return null;
  // One octet more, to see whether it has grown.
  const bytes = room(size + 1);
  const fd = file.openUnseen();
  try {
    return readSync(fd, bytes, 0, size + 1, null) === size ? bytes.subarray(0, size) : null;
  } catch (cause) {
    // No message at all: that is told by those who take a closer look.
    if (["EISDIR", "EAGAIN"].includes(errnoOf(cause))) return null;
    throw cause;
  } finally {
    closeSync(fd);
  }
}

async function readAny(file: MessageFile, limitBytes: number): Promise<Bytes> {
  const fd = file.open();
  try {
    const { size, mtimeMs } = fstatSync(fd);
    file.learnDate(mtimeMs);
    file.trustOnly(size);
    if (file.sizeBytes > limitBytes) return null;
    return file.isCrlf(size) ? await readWhole(fd, size) : withCrlf(await readWhole(fd, size));
  } catch (cause) {
    throw storeError(cause);
  } finally {
    closeSync(fd);
  }
}

async function readWhole(fd: number, size: number): Promise<Buffer> {
  const bytes = roomFor(size);
  for (let at = 0; at < size; ) {
    const count = size <= SYNC_BYTES ? readSync(fd, bytes, at, size - at, at) : await readAt(fd, bytes, at);
    if (count === 0) throw cutShort();
    at += count;
  }
  return bytes;
}

/** Fills `bytes` from `at` on with what stands at `position` of the file. */
const readAt = (fd: number, bytes: Buffer, at: number, position = at): Promise<number> =>
  new Promise((resolve, reject) => {
    read(fd, bytes, at, bytes.length - at, position, (cause, count) => (cause ? reject(cause) : resolve(count)));
  });

export function messageStream(file: MessageFile, range: Range | null): Readable {
  const fd = file.open();
  try {
    const { size } = fstatSync(fd);
    file.trustOnly(size);
    const start = Math.min(Math.max(range?.start ?? 0, 0), file.sizeBytes);
    const length = Math.min(Math.max(range?.length ?? file.sizeBytes, 0), file.sizeBytes - start);
    if (!file.isCrlf(size)) return Readable.from(converted(fd, size, { start, length }), { objectMode: false });
    if (length > SYNC_BYTES) return Readable.from(plain(fd, { start, length }), { objectMode: false });
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const count = readSync(fd, bytes, at, length - at, start + at);
      if (count === 0) throw cutShort();
      at += count;
    }
    closeSync(fd);
    return Readable.from(length === 0 ? [] : [bytes], { objectMode: false });
  } catch (cause) {
    closeSync(fd);
    throw storeError(cause);
  }
}

async function* plain(fd: number, { start, length }: Range): AsyncGenerator<Buffer> {
  try {
    for (let done = 0; done < length; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - done));
      const count = await readAt(fd, chunk, 0, start + done);
      if (count === 0) throw cutShort();
      done += count;
      yield count < chunk.length ? chunk.subarray(0, count) : chunk;
    }
  } finally {
    close(fd);
  }
}

/** The range counts octets after the conversion, so what stands before it is converted too. */
async function* converted(fd: number, size: number, { start, length }: Range): AsyncGenerator<Buffer> {
  try {
    let before = 0;
    let passed = 0;
    for (let at = 0; at < size && passed < start + length; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at));
      const count = await readAt(fd, chunk, 0, at);
      if (count === 0) throw cutShort();
      at += count;
      const bytes = withCrlf(chunk.subarray(0, count), before);
      before = chunk[count - 1] ?? 0;
      const from = Math.max(0, start - passed);
      const to = Math.min(bytes.length, start + length - passed);
      passed += bytes.length;
      if (to > from) yield bytes.subarray(from, to);
    }
    if (passed < start + length) throw cutShort();
  } finally {
    close(fd);
  }
}
