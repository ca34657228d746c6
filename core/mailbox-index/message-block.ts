/**
 * A block of messages as it stands in the index: a checksum, then one message after the other, ascending by UID. What changes is put
 * between what stands before and behind it, which is copied as it is.
 */
import type { KnownMessage } from "../contracts/mailbox-index.ts";
import { assertSealed, CHECK_BYTES, seal } from "./checked.ts";

interface GoneMessage {
  readonly uid: number;
  readonly isGone: true;
}
export type MessageChange = KnownMessage | GoneMessage;

const isGone = (change: MessageChange): change is GoneMessage => "isGone" in change;

/** Of one message: its UID, how many octets it takes, numbers; flags and place as one text, and where the flags end in it. */
const LENGTH = 4;
const MODSEQ = 8;
const INTERNAL_DATE = 16;
const SIZE = 24;
const FLAGS_LENGTH = 32;
const TEXT = 34;
/** More flags than that are somebody's mischief. */
const MAX_FLAGS_LENGTH = 0xffff;
/** Of UTF-8, for one unit of a string. */
const MAX_UNIT_BYTES = 3;

export const EMPTY_BLOCK = Buffer.alloc(CHECK_BYTES);

/** A block in which `changes` are made, ascending by UID; `null` if nothing is left in it. */
export function amendedBlock(old: Buffer, changes: readonly MessageChange[], key: Buffer): Buffer | null {
  let room = old.length;
  for (const change of changes) {
    if (!isGone(change)) room += TEXT + MAX_UNIT_BYTES * (change.flags.length + change.place.length);
  }
  const bytes = Buffer.allocUnsafe(room);
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, room);
  let end = CHECK_BYTES;
  let copied = CHECK_BYTES;
  for (const change of changes) {
    const from = indexOf(old, change.uid, copied);
    if (from > copied) end += old.copy(bytes, end, copied, from);
    copied = isAt(old, from, change.uid) ? from + old.readUInt32LE(from + LENGTH) : from;
    if (!isGone(change)) end = writeMessage({ bytes, numbers }, end, change);
  }
  end += old.copy(bytes, end, copied);
  return end === CHECK_BYTES ? null : seal(bytes.subarray(0, end), key);
}

/** Both show the same octets. */
interface Target {
  readonly bytes: Buffer;
  readonly numbers: DataView;
}

function writeMessage({ bytes, numbers }: Target, at: number, message: KnownMessage): number {
  const { flags, place } = message;
  if (flags.length > MAX_FLAGS_LENGTH) throw new TypeError("flags of a message are too long for the index");
  const end = at + TEXT + bytes.write(flags + place, at + TEXT);
  numbers.setUint32(at, message.uid, true);
  numbers.setUint32(at + LENGTH, end - at, true);
  numbers.setFloat64(at + MODSEQ, message.modseq, true);
  numbers.setFloat64(at + INTERNAL_DATE, message.internalDate, true);
  numbers.setFloat64(at + SIZE, message.sizeBytes, true);
  numbers.setUint16(at + FLAGS_LENGTH, flags.length, true);
  return end;
}

function readMessage(bytes: Buffer, at: number): KnownMessage {
  const text = bytes.toString("utf8", at + TEXT, at + bytes.readUInt32LE(at + LENGTH));
  const flagsEnd = bytes.readUInt16LE(at + FLAGS_LENGTH);
  return {
    uid: bytes.readUInt32LE(at),
    flags: text.slice(0, flagsEnd),
    place: text.slice(flagsEnd),
    internalDate: bytes.readDoubleLE(at + INTERNAL_DATE),
    sizeBytes: bytes.readDoubleLE(at + SIZE),
    modseq: bytes.readDoubleLE(at + MODSEQ),
  };
}

/** Throws `WrongRecord` for what was not written like this. */
export function checkedBlock(bytes: Buffer, key: Uint8Array): Buffer {
  assertSealed(bytes, bytes.length, key);
  return bytes;
}

/** The message that stands `at` this place. */
export const messageAt = (block: Buffer, at: number, uid: number): KnownMessage | null =>
  isAt(block, at, uid) ? readMessage(block, at) : null;

export function messagesIn(block: Buffer): KnownMessage[] {
  const found: KnownMessage[] = [];
  for (let at = CHECK_BYTES; at < block.length; at += block.readUInt32LE(at + LENGTH))
    found.push(readMessage(block, at));
  return found;
}

/** Where the first message stands whose UID is not below `uid`. `from`: such a place of a UID that is not greater. */
export function indexOf(block: Buffer, uid: number, from = CHECK_BYTES): number {
  let at = from;
  while (at < block.length && block.readUInt32LE(at) < uid) at += block.readUInt32LE(at + LENGTH);
  return at;
}

const isAt = (block: Buffer, at: number, uid: number): boolean => at < block.length && block.readUInt32LE(at) === uid;
