/** How heads, messages and journal entries stand on disk. Decoding throws `WrongRecord` for what was not written like that. */
import type { IndexedMessage, IndexHead, KnownMessage } from "../contracts/mailbox-index.ts";
import type { UidRange } from "../contracts/mailbox-store.ts";
import { assertSealed, CHECK_BYTES, seal, WrongRecord } from "./checked.ts";

export interface Head extends IndexHead {
  readonly epoch: number;
  /** What vanished, and what changed, is remembered for every modseq from this one on. */
  readonly exactSince: number;
  readonly journalEntries: number;
  readonly journalBytes: number;
  /** Day on which it was last opened, since 1970. */
  readonly usedDay: number;
}

const HEAD_BYTES = CHECK_BYTES + 8 * 2 + 4 * 7;

export function encodeHead(head: Head, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(head.cursor));
  let at = bytes.writeDoubleLE(head.highestModseq, CHECK_BYTES);
  at = bytes.writeDoubleLE(head.exactSince, at);
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
  const number = (index: number) => bytes.readUInt32LE(CHECK_BYTES + 16 + 4 * index);
  return {
    highestModseq: bytes.readDoubleLE(CHECK_BYTES),
    exactSince: bytes.readDoubleLE(CHECK_BYTES + 8),
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

const MESSAGE_BYTES = CHECK_BYTES + 8 * 3 + 2;
/** More flags than that are somebody's mischief. */
const MAX_FLAGS_BYTES = 0xffff;

export function encodeMessage(message: IndexedMessage, modseq: number, key: Buffer): Buffer {
  const { flags, place } = message;
  const flagsBytes = flags === "" ? 0 : Buffer.byteLength(flags);
  if (flagsBytes > MAX_FLAGS_BYTES) throw new TypeError("flags of a message are too long for the index");
  const bytes = Buffer.allocUnsafe(MESSAGE_BYTES + flagsBytes + Buffer.byteLength(place));
  bytes.writeDoubleLE(modseq, CHECK_BYTES);
  bytes.writeDoubleLE(message.internalDate, CHECK_BYTES + 8);
  bytes.writeDoubleLE(message.sizeBytes, CHECK_BYTES + 16);
  bytes.writeUInt16LE(flagsBytes, CHECK_BYTES + 24);
  bytes.write(flags + place, MESSAGE_BYTES);
  return seal(bytes, key);
}

export function decodeMessage(
  bytes: Buffer,
  length: number,
  at: { readonly key: Uint8Array; readonly uid: number },
): KnownMessage {
  assertSealed(bytes, length, at.key);
  const flagsEnd = MESSAGE_BYTES + bytes.readUInt16LE(CHECK_BYTES + 24);
  return {
    uid: at.uid,
    modseq: bytes.readDoubleLE(CHECK_BYTES),
    internalDate: bytes.readDoubleLE(CHECK_BYTES + 8),
    sizeBytes: bytes.readDoubleLE(CHECK_BYTES + 16),
    flags: flagsEnd === MESSAGE_BYTES ? "" : bytes.toString("utf8", MESSAGE_BYTES, flagsEnd),
    place: bytes.toString("utf8", flagsEnd, length),
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
