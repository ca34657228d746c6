/**
 * One record, as it stands in a journal segment or a deferred file: a header of 40 bytes, meta (JSON), content (message
 * bytes). Each part has its own checksum. A record belongs to its file by the file's nonce and to its place by its offset:
 * what an earlier use of the file left behind, or a message whose text looks like a record, is never taken for one.
 *
 *   0 nonce (8)   8 type   9 version   10 zero (2)   12 meta length   16 content length   20 meta crc   24 content crc
 *   28 durable: all of this file below that offset was on disk before this record was written   32 offset   36 header crc
 */
import { crc32 } from "node:zlib";

export type RecordType = "accept" | "settle" | "reschedule" | "remove" | "hold";

export const recordHeaderBytes = 40;
const version = 1;
const typeCodes: Record<RecordType, number> = { accept: 1, settle: 2, reschedule: 3, remove: 4, hold: 5 };
const typesByCode: readonly (RecordType | undefined)[] = [
  undefined,
  "accept",
  "settle",
  "reschedule",
  "remove",
  "hold",
];

/** A record that has no place yet. */
export interface PreparedRecord {
  readonly type: RecordType;
  /** Room for the header, then meta. */
  readonly head: Buffer;
  readonly content: readonly Uint8Array[];
  readonly contentBytes: number;
  readonly sizeBytes: number;
  readonly metaCrc: number;
  readonly contentCrc: number;
}

export interface RecordHeader {
  readonly type: RecordType;
  readonly metaBytes: number;
  readonly contentBytes: number;
  readonly metaCrc: number;
  readonly contentCrc: number;
  readonly durable: number;
  readonly sizeBytes: number;
}

export function prepareRecord(type: RecordType, meta: unknown, content: readonly Uint8Array[] = []): PreparedRecord {
  const json = JSON.stringify(meta);
  const metaBytes = Buffer.byteLength(json);
  const head = Buffer.allocUnsafe(recordHeaderBytes + metaBytes);
  head.write(json, recordHeaderBytes);
  let contentBytes = 0;
  let contentCrc = 0;
  for (const piece of content) {
    contentBytes += piece.length;
    contentCrc = crc32(piece, contentCrc);
  }
  return {
    type,
    head,
    content,
    contentBytes,
    sizeBytes: head.length + contentBytes,
    metaCrc: crc32(head.subarray(recordHeaderBytes)),
    contentCrc,
  };
}

/** The same record on its way into another file. `bytes` is the whole record as it was read. */
export function reprepareRecord(header: RecordHeader, bytes: Buffer): PreparedRecord {
  const headBytes = recordHeaderBytes + header.metaBytes;
  return {
    type: header.type,
    head: Buffer.from(bytes.subarray(0, headBytes)),
    content: [bytes.subarray(headBytes, header.sizeBytes)],
    contentBytes: header.contentBytes,
    sizeBytes: header.sizeBytes,
    metaCrc: header.metaCrc,
    contentCrc: header.contentCrc,
  };
}

/** Fills in the header: from now on the record belongs to one place. */
export function placeRecord(record: PreparedRecord, nonce: Uint8Array, offset: number, durable: number): void {
  const { head } = record;
  head.set(nonce, 0);
  head.writeUInt8(typeCodes[record.type], 8);
  head.writeUInt8(version, 9);
  head.writeUInt16LE(0, 10);
  head.writeUInt32LE(head.length - recordHeaderBytes, 12);
  head.writeUInt32LE(record.contentBytes, 16);
  head.writeUInt32LE(record.metaCrc, 20);
  head.writeUInt32LE(record.contentCrc, 24);
  head.writeUInt32LE(durable, 28);
  head.writeUInt32LE(offset, 32);
  head.writeUInt32LE(crc32(head.subarray(0, 36)), 36);
}

/** `null`: no record of this file begins here. A damaged nonce alone does not hide a record. */
export function readHeader(bytes: Buffer, at: number, nonce: Buffer, offset: number): RecordHeader | null {
  if (at + recordHeaderBytes > bytes.length) return null;
  const rest = bytes.subarray(at + 8, at + 36);
  if (crc32(rest, crc32(nonce)) !== bytes.readUInt32LE(at + 36)) return null;
  if (bytes.readUInt32LE(at + 32) !== offset) return null;
  const type = typesByCode[bytes.readUInt8(at + 8)];
  if (!type || bytes.readUInt8(at + 9) !== version) return null;
  const metaBytes = bytes.readUInt32LE(at + 12);
  const contentBytes = bytes.readUInt32LE(at + 16);
  return {
    type,
    metaBytes,
    contentBytes,
    metaCrc: bytes.readUInt32LE(at + 20),
    contentCrc: bytes.readUInt32LE(at + 24),
    durable: bytes.readUInt32LE(at + 28),
    sizeBytes: recordHeaderBytes + metaBytes + contentBytes,
  };
}

/** Meta and content of a record that begins at `at`, or `null` where a checksum does not fit. */
export function readPayload(
  bytes: Buffer,
  at: number,
  header: RecordHeader,
): { readonly meta: Buffer | null; readonly content: Buffer | null } {
  const metaFrom = at + recordHeaderBytes;
  const contentFrom = metaFrom + header.metaBytes;
  const end = contentFrom + header.contentBytes;
  const meta = bytes.subarray(metaFrom, Math.min(contentFrom, bytes.length));
  const content = bytes.subarray(Math.min(contentFrom, bytes.length), Math.min(end, bytes.length));
  return {
    meta: meta.length === header.metaBytes && crc32(meta) === header.metaCrc ? meta : null,
    content: content.length === header.contentBytes && crc32(content) === header.contentCrc ? content : null,
  };
}
