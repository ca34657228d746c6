/** Values as they stand in the index: a checksum, then what it is about. What does not match throws `WrongRecord`: the shard is damaged. */
import { crc32 } from "node:zlib";

export const CHECK_BYTES = 4;

/** Taken for damage, see `isDamage` in core/kv. */
export class WrongRecord extends RangeError {}

/** Fills in the checksum of a record whose content begins at `CHECK_BYTES`. `key` belongs to it: a record in another's place is wrong, too. */
export function seal(bytes: Buffer, key: Uint8Array): Buffer {
  bytes.writeUInt32LE(checksum(bytes, bytes.length, key), 0);
  return bytes;
}

/** `length` is not always that of the buffer: lmdb reads into one that it uses again. */
export function assertSealed(bytes: Buffer, length: number, key: Uint8Array): void {
  if (length < CHECK_BYTES || bytes.readUInt32LE(0) !== checksum(bytes, length, key)) {
    throw new WrongRecord("a record of the mailbox index is not what was written");
  }
}

const checksum = (bytes: Buffer, length: number, key: Uint8Array): number =>
  crc32(bytes.subarray(CHECK_BYTES, length), crc32(key));
