/** Keys: a hash of the mailbox's id; then an epoch, so that a mailbox begun anew never meets what was there before; then modseq or block. */
import { createHash } from "node:crypto";

const HASH_BYTES = 10;
const SCOPE_BYTES = HASH_BYTES + 4;

/** What was written in another format is of mailboxes that nobody opens any more: it goes when room is needed. */
const FORMAT = 3;
/** Messages with so many UIDs that follow each other share a record. More makes the change of one dear, and saves little else. */
const BLOCK_UIDS = 32;

export const mailboxKey = (id: string): Buffer =>
  createHash("sha256").update(`${FORMAT} ${id}`).digest().subarray(0, HASH_BYTES);

export function scopeOf(mailbox: Buffer, epoch: number): Buffer {
  const key = Buffer.allocUnsafe(SCOPE_BYTES);
  mailbox.copy(key);
  key.writeUInt32BE(epoch, HASH_BYTES);
  return key;
}

/** In which block a message stands. */
export const blockOf = (uid: number): number => Math.floor(uid / BLOCK_UIDS);

export function blockKey(scope: Buffer, block: number): Buffer {
  const key = Buffer.allocUnsafe(SCOPE_BYTES + 4);
  scope.copy(key);
  key.writeUInt32BE(block, SCOPE_BYTES);
  return key;
}

export function journalKey(scope: Buffer, modseq: number): Buffer {
  const key = Buffer.allocUnsafe(SCOPE_BYTES + 8);
  scope.copy(key);
  key.writeBigUInt64BE(BigInt(modseq), SCOPE_BYTES);
  return key;
}

export const journalModseq = (key: Uint8Array): number =>
  Number(Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigUInt64BE(SCOPE_BYTES));

export const blockOfKey = (key: Uint8Array): number =>
  Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUInt32BE(SCOPE_BYTES);

export function detailKey(mailbox: Buffer, block: number, kind: number): Buffer {
  const key = Buffer.allocUnsafe(HASH_BYTES + 5);
  mailbox.copy(key);
  key.writeUInt32BE(block, HASH_BYTES);
  key[HASH_BYTES + 4] = kind;
  return key;
}

/** Behind all keys that begin with this one. */
export function behind(prefix: Buffer): Buffer {
  const key = Buffer.from(prefix);
  for (let at = key.length - 1; at >= 0; at--) {
    const octet = (key[at] ?? 0) + 1;
    key[at] = octet & 0xff;
    if (octet <= 0xff) return key;
  }
  return Buffer.alloc(prefix.length + 1, 0xff);
}
