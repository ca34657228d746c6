/**
 * An entry on disk: when it expires, when the expiry index has it looked at, and the value as JSON. The index may look too
 * early, never too late: an entry that is prolonged again and again costs one write, and is moved when its time comes.
 */
export interface EntryRecord {
  readonly expiresAtMs: number;
  readonly indexedAtMs: number;
  readonly json: string;
}

const TIME_BYTES = 6;
const LAST_MS = 2 ** (8 * TIME_BYTES) - 1;
/** A larger value is somebody's mistake. */
const JSON_BYTES = 64 * 1024;

export function timeOf(expiresAtMs: number): number {
  if (!Number.isFinite(expiresAtMs))
    throw new TypeError(`an entry expires at a time in milliseconds, not ${expiresAtMs}`);
  return Math.min(LAST_MS, Math.max(0, Math.ceil(expiresAtMs)));
}

export function jsonOf(value: unknown): string {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a value is plain JSON data, not ${typeof value}`);
  if (json.length > JSON_BYTES)
    throw new TypeError(`a value of ${json.length} characters is too large for the KeyValue service`);
  return json;
}

export function encodeRecord({ expiresAtMs, indexedAtMs, json }: EntryRecord): Buffer {
  const bytes = Buffer.allocUnsafe(2 * TIME_BYTES + Buffer.byteLength(json));
  bytes.writeUIntBE(expiresAtMs, 0, TIME_BYTES);
  bytes.writeUIntBE(indexedAtMs, TIME_BYTES, TIME_BYTES);
  bytes.write(json, 2 * TIME_BYTES);
  return bytes;
}

export const expiryOf = (bytes: Buffer): number => bytes.readUIntBE(0, TIME_BYTES);
export const indexedAtOf = (bytes: Buffer): number => bytes.readUIntBE(TIME_BYTES, TIME_BYTES);
/** `length` is not always that of the buffer: lmdb reads into one that it uses again. */
export const heldValue = (bytes: Buffer, length: number): unknown =>
  JSON.parse(bytes.toString("utf8", 2 * TIME_BYTES, length));

/** A key of the expiry index: the time, then the entry's key. */
export function indexKey(atMs: number, entry: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(TIME_BYTES + entry.length);
  bytes.writeUIntBE(atMs, 0, TIME_BYTES);
  bytes.set(entry, TIME_BYTES);
  return bytes;
}

/** Behind all keys of the index up to this time. */
export function indexEnd(untilMs: number): Buffer {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeUIntBE(Math.min(LAST_MS, Math.max(0, Math.floor(untilMs) + 1)), 0, TIME_BYTES);
  return bytes;
}

export const indexTime = (key: Uint8Array): number =>
  Buffer.from(key.buffer, key.byteOffset, TIME_BYTES).readUIntBE(0, TIME_BYTES);
export const indexedEntry = (key: Uint8Array): Uint8Array => key.subarray(TIME_BYTES);
