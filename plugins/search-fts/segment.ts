/**
 * A segment: the signatures of many messages of one width, turned so that a needle reads one row of bits for each of its places. Written
 * once, flushed before it has its name, never changed. Throws `Damaged` for a file that is not what was written.
 *
 *   magic 8 | check 4 | width 4 | messages 4 | reserved 4 | UIDs 4 each, `capacity` of them | rows of capacity/8 octets, one a place
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Width, widthOf } from "./widths.ts";

export class Damaged extends Error {}

const magic = Buffer.from("PSTNFTS1", "latin1");
const headBytes = 24;
const checkAt = 8;
const checkedFrom = 12;

export interface Signed {
  readonly uid: number;
  readonly bits: Uint8Array;
}

/** `messages` are no more than the width's capacity. */
export function writeSegment(path: string, width: Width, messages: readonly Signed[]): void {
  const rowBytes = width.capacity / 8;
  const rowsAt = headBytes + 4 * width.capacity;
  const bytes = Buffer.alloc(rowsAt + width.places * rowBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(width.id, 12);
  bytes.writeUInt32LE(messages.length, 16);
  for (const [column, { uid, bits }] of messages.entries()) {
    bytes.writeUInt32LE(uid, headBytes + 4 * column);
    const mask = 1 << (column & 7);
    const offset = rowsAt + (column >> 3);
    for (let octet = 0; octet < bits.length; octet++) {
      let left = bits[octet] ?? 0;
      for (let place = octet * 8; left !== 0; place++, left >>= 1)
        if (left & 1) bytes[offset + place * rowBytes] = (bytes[offset + place * rowBytes] ?? 0) | mask;
    }
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(checkedFrom)), checkAt);
  const fd = openSync(`${path}.tmp`, "w", 0o600);
  try {
    writeSync(fd, bytes);
    // After a power cut there must be no name for what was not written.
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.tmp`, path);
}

export class Segment {
  readonly width: Width;
  /** In no particular order. */
  readonly uids: readonly number[];
  readonly #fd: number;

  private constructor(fd: number, width: Width, uids: readonly number[]) {
    this.#fd = fd;
    this.width = width;
    this.uids = uids;
  }

  /** `isTrusted`: the checksum was compared before. The caller closes it. */
  static open(path: string, isTrusted: boolean): Segment {
    const fd = openSync(path, "r");
    try {
      const head = read(fd, 0, headBytes);
      const width = widthOf(head.readUInt32LE(12));
      const messages = head.readUInt32LE(16);
      if (!head.subarray(0, 8).equals(magic) || !width || messages > width.capacity) throw new Damaged("no segment");
      const rowsAt = headBytes + 4 * width.capacity;
      const size = rowsAt + (width.places * width.capacity) / 8;
      if (fstatSync(fd).size !== size) throw new Damaged("a segment of another size");
      if (!isTrusted && crc32(read(fd, checkedFrom, size - checkedFrom)) !== head.readUInt32LE(checkAt))
        throw new Damaged("a segment with a wrong checksum");
      const list = read(fd, headBytes, 4 * messages);
      return new Segment(
        fd,
        width,
        Array.from({ length: messages }, (_, at) => list.readUInt32LE(4 * at)),
      );
    } catch (fault) {
      closeSync(fd);
      throw fault;
    }
  }

  /** UIDs of messages that lack one of the places. */
  without(places: readonly number[]): number[] {
    const rowBytes = this.width.capacity / 8;
    const rowsAt = headBytes + 4 * this.width.capacity;
    const possible = Buffer.alloc(rowBytes, 0xff);
    for (const place of new Set(places.map((wide) => wide & (this.width.places - 1)))) {
      const row = read(this.#fd, rowsAt + place * rowBytes, rowBytes);
      for (let at = 0; at < rowBytes; at++) possible[at] = (possible[at] ?? 0) & (row[at] ?? 0);
    }
    return this.uids.filter((_, column) => ((possible[column >> 3] ?? 0) & (1 << (column & 7))) === 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function read(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const count = readSync(fd, bytes, at, length - at, from + at);
    if (count === 0) throw new Damaged("a segment that ends too early");
    at += count;
  }
  return bytes;
}
