/**
 * The tail: signatures of messages that are not many enough for a segment yet, one record after the other. What a crash left at its end is
 * not read, and cut off by the next writer.
 *
 *   check 4 | UID 4 | width 4 (0: known, and never ruled out) | bits of that width
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, truncateSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { Signed } from "./segment.ts";
import { widthOf } from "./widths.ts";

const headBytes = 12;

export interface TailRecord extends Signed {
  readonly width: number;
}

export function encodeRecord({ uid, width, bits }: TailRecord): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + bits.length);
  bytes.writeUInt32LE(uid, 4);
  bytes.writeUInt32LE(width, 8);
  bytes.set(bits, headBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

export interface Tail {
  readonly records: readonly TailRecord[];
  /** What of the file is whole. */
  readonly wholeBytes: number;
  readonly sizeBytes: number;
}

/** Nothing where there is no file. */
export function readTail(path: string): Tail {
  const bytes = contentOf(path);
  const records: TailRecord[] = [];
  let at = 0;
  while (at + headBytes <= bytes.length) {
    const width = bytes.readUInt32LE(at + 8);
    const known = width === 0 ? { places: 0 } : widthOf(width);
    if (!known) break;
    const end = at + headBytes + known.places / 8;
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32LE(at)) break;
    records.push({ uid: bytes.readUInt32LE(at + 4), width, bits: bytes.subarray(at + headBytes, end) });
    at = end;
  }
  return { records, wholeBytes: at, sizeBytes: bytes.length };
}

export function appendToTail(path: string, records: readonly TailRecord[]): void {
  const fd = openSync(path, "a", 0o600);
  try {
    writeSync(fd, Buffer.concat(records.map(encodeRecord)));
  } finally {
    closeSync(fd);
  }
}

/** In one step. */
export function replaceTail(path: string, records: readonly TailRecord[]): void {
  const fd = openSync(`${path}.tmp`, "w", 0o600);
  try {
    writeSync(fd, Buffer.concat(records.map(encodeRecord)));
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.tmp`, path);
}

export const cutTail = (path: string, { wholeBytes, sizeBytes }: Tail): void => {
  if (wholeBytes < sizeBytes) truncateSync(path, wholeBytes);
};

function contentOf(path: string): Buffer {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw fault;
  }
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(fd, bytes, at, bytes.length - at, at);
      if (count === 0) break;
      at += count;
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}
