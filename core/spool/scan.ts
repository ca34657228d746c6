/**
 * Finds the records in a segment's bytes. Damage is skipped: behind a bad payload the next record is where the header says,
 * behind a bad header it is found again by the segment's nonce. Never throws.
 */
import { type RecordHeader, type RecordType, readHeader, readPayload } from "./record.ts";

export type Found =
  | {
      readonly at: "record";
      readonly type: RecordType;
      readonly offset: number;
      readonly sizeBytes: number;
      readonly meta: Buffer;
      readonly content: Buffer;
    }
  | {
      readonly at: "damaged";
      readonly offset: number;
      readonly end: number;
      /** Meta, if that part is whole: it tells whose record it was. */
      readonly meta: Buffer | null;
      /** It was on disk once; otherwise it may be a write that was never finished, hence never promised. */
      readonly wasDurable: boolean;
    };

export function scanRecords(bytes: Buffer, nonce: Buffer): readonly Found[] {
  const found: Found[] = [];
  let durable = 0;
  let at = 0;
  while (at < bytes.length) {
    const header = readHeader(bytes, at, nonce, at);
    if (header && at + header.sizeBytes <= bytes.length) {
      durable = Math.max(durable, header.durable);
      found.push(judge(bytes, at, header));
      at += header.sizeBytes;
      continue;
    }
    const next = nextHeader(bytes, at + 1, nonce);
    const isBegun = header !== null || bytes.subarray(at, at + nonce.length).equals(nonce);
    if (next === null && !isBegun) break;
    const end = next ?? usedEnd(bytes, at);
    found.push({ at: "damaged", offset: at, end, meta: null, wasDurable: false });
    at = end;
  }
  return found.map((one) => (one.at === "damaged" && one.offset < durable ? { ...one, wasDurable: true } : one));
}

function judge(bytes: Buffer, at: number, header: RecordHeader): Found {
  const { meta, content } = readPayload(bytes, at, header);
  const { type, sizeBytes } = header;
  if (meta && content) return { at: "record", type, offset: at, sizeBytes, meta, content };
  return { at: "damaged", offset: at, end: at + sizeBytes, meta, wasDurable: false };
}

function nextHeader(bytes: Buffer, from: number, nonce: Buffer): number | null {
  for (let at = bytes.indexOf(nonce, from); at !== -1; at = bytes.indexOf(nonce, at + 1)) {
    if (readHeader(bytes, at, nonce, at)) return at;
  }
  return null;
}

/** Without the zeros at the end. */
function usedEnd(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end > from + 1 && bytes[end - 1] === 0) end -= 1;
  return end;
}
