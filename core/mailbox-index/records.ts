/** How heads and journal entries stand on disk. Decoding throws `WrongRecord` for what was not written like that. */
import type { IndexHead } from "../contracts/mailbox-index.ts";
import type { UidRange } from "../contracts/mailbox-store.ts";
import { assertSealed, CHECK_BYTES, seal, WrongRecord } from "./checked.ts";

export interface Head extends IndexHead {
  readonly epoch: number;
  /** What vanished, and what changed, is remembered for every modseq from this one on. */
  readonly exactSince: number;
  /** Given out last for changes that are registered later; 0: none ever. */
  readonly reservedModseq: number;
  readonly journalEntries: number;
  readonly journalBytes: number;
  /** Day on which it was last opened, since 1970. */
  readonly usedDay: number;
}

const HEAD_BYTES = CHECK_BYTES + 8 * 3 + 4 * 7;

export function encodeHead(head: Head, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(head.cursor));
  let at = bytes.writeDoubleLE(head.highestModseq, CHECK_BYTES);
  at = bytes.writeDoubleLE(head.exactSince, at);
  at = bytes.writeDoubleLE(head.reservedModseq, at);
  const { epoch, uidNext, messages, journalEntries, journalBytes, usedDay, moves } = head;
  for (const value of [epoch, uidNext, messages, journalEntries, journalBytes, usedDay, moves]) {
    at = bytes.writeUInt32LE(value, at);
  }
  bytes.write(head.cursor, at);
  return seal(bytes, key);
}

export function decodeHead(bytes: Buffer, key: Buffer): Head {
  assertSealed(bytes, bytes.length, key);
  if (bytes.length < HEAD_BYTES) throw new WrongRecord("a head of the mailbox index is cut off");
  const number = (index: number) => bytes.readUInt32LE(CHECK_BYTES + 24 + 4 * index);
  return {
    highestModseq: bytes.readDoubleLE(CHECK_BYTES),
    exactSince: bytes.readDoubleLE(CHECK_BYTES + 8),
    reservedModseq: bytes.readDoubleLE(CHECK_BYTES + 16),
    epoch: number(0),
    uidNext: number(1),
    messages: number(2),
    journalEntries: number(3),
    journalBytes: number(4),
    usedDay: number(5),
    moves: number(6),
    cursor: bytes.toString("utf8", HEAD_BYTES),
  };
}

/** What one commit changed. */
export interface JournalEntry {
  readonly changed: readonly UidRange[];
  readonly vanished: readonly UidRange[];
}

export function encodeEntry({ changed, vanished }: JournalEntry, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(CHECK_BYTES + 4 + 8 * (changed.length + vanished.length));
  let at = bytes.writeUInt32LE(changed.length, CHECK_BYTES);
  for (const { first, last } of [...changed, ...vanished])
    at = bytes.writeUInt32LE(last, bytes.writeUInt32LE(first, at));
  return seal(bytes, key);
}

export function decodeEntry(bytes: Buffer, key: Uint8Array): JournalEntry {
  assertSealed(bytes, bytes.length, key);
  const changes = bytes.readUInt32LE(CHECK_BYTES);
  const ranges: UidRange[] = [];
  for (let at = CHECK_BYTES + 4; at < bytes.length; at += 8) {
    ranges.push({ first: bytes.readUInt32LE(at), last: bytes.readUInt32LE(at + 4) });
  }
  return { changed: ranges.slice(0, changes), vanished: ranges.slice(changes) };
}
