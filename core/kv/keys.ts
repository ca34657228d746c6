/**
 * Keys on disk: the space, a zero byte, the key in UTF-8. A long key keeps its beginning, so that `list` finds it, and ends in
 * its SHA-256: a client that chooses keys cannot choose their size. Whoever writes such a shortened key out reaches the same
 * entry, as with the key itself.
 */
import { createHash } from "node:crypto";

const WHOLE_BYTES = 192;
const HEAD_BYTES = 128;
const SPACE_BYTES = 64;
const SPACE_HEAD_BYTES = 20;

/** Behind all keys of a prefix: 0xff is no byte of UTF-8. */
const BEHIND = Buffer.from([0xff]);

/** A long name is shortened as a long key is. */
export function spacePrefix(name: string): Buffer {
  if (name === "" || name.includes("\0"))
    throw new TypeError(`a space has a name without zeros, not ${JSON.stringify(name)}`);
  const bytes = Buffer.from(name);
  const short = bytes.length <= SPACE_BYTES ? bytes : shortened(bytes, SPACE_HEAD_BYTES);
  return Buffer.concat([short, Buffer.alloc(1)]);
}

export function entryKey(prefix: Buffer, key: string): Buffer {
  if (typeof key !== "string") throw new TypeError("a key is a string");
  // Most keys are short: no need to count their bytes.
  if (key.length * 3 <= WHOLE_BYTES || Buffer.byteLength(key) <= WHOLE_BYTES)
    return Buffer.concat([prefix, Buffer.from(key)]);
  const bytes = Buffer.from(key);
  return Buffer.concat([prefix, shortened(bytes, HEAD_BYTES)]);
}

function shortened(bytes: Buffer, headBytes: number): Buffer {
  const hash = createHash("sha256").update(bytes).digest("base64url");
  return Buffer.concat([bytes.subarray(0, characterStart(bytes, headBytes)), Buffer.from(`~${hash}`)]);
}

/** The range of all entries whose key begins with this. */
export function rangeOf(prefix: Buffer, beginning: string): { readonly start: Buffer; readonly end: Buffer } {
  const start = Buffer.concat([prefix, Buffer.from(beginning)]);
  return { start, end: Buffer.concat([start, BEHIND]) };
}

export const keyText = (prefix: Buffer, stored: Uint8Array): string =>
  Buffer.from(stored.buffer, stored.byteOffset + prefix.length, stored.byteLength - prefix.length).toString();

/** The last place not behind `at` where a character begins. */
function characterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start;
}
