/** Where things lie in a spool directory, and how their names read. A name that does not parse is not ours. */
import { join } from "node:path";

export interface Layout {
  readonly root: string;
  /** Journal segments: `<sequence>-<nonce>.journal`; `*.spare` have no content that counts. */
  readonly journal: string;
  /** `<bucket>/<due>.<id>`: messages that have left the journal. */
  readonly deferred: string;
  /** Bytes of large messages while they come in. Emptied at start. */
  readonly incoming: string;
  /** `<id>`: the body of an accepted large message. */
  readonly bodies: string;
  /** Briefs of messages in `deferred/`: disposable. */
  readonly catalogue: string;
  /** What could not be read. Nothing here is ever read or deleted again by the spool. */
  readonly damaged: string;
}

export const layoutOf = (root: string): Layout => ({
  root,
  journal: join(root, "journal"),
  deferred: join(root, "deferred"),
  incoming: join(root, "incoming"),
  bodies: join(root, "bodies"),
  catalogue: join(root, "catalogue"),
  damaged: join(root, "damaged"),
});

/** Ids stand in file names: nothing that could lead elsewhere, no dot (it separates). */
export const isSpoolId = (id: string): boolean => /^[A-Za-z0-9_-]{1,100}$/.test(id);

export interface SegmentName {
  readonly sequence: number;
  /** 8 bytes that every record of this segment begins with. */
  readonly nonce: Buffer;
}

export const segmentFileName = ({ sequence, nonce }: SegmentName): string =>
  `${String(sequence).padStart(12, "0")}-${nonce.toString("hex")}.journal`;

export function parseSegmentName(name: string): SegmentName | null {
  const match = /^(\d{12,16})-([0-9a-f]{16})\.journal$/.exec(name);
  if (!match) return null;
  const [, sequence = "", nonce = ""] = match;
  return { sequence: Number(sequence), nonce: Buffer.from(nonce, "hex") };
}

export const isSpareName = (name: string): boolean => /^[0-9a-f]{16}\.spare$/.test(name);

export interface DeferredName {
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  readonly id: string;
}

/** About 17 minutes. */
const bucketMs = 2 ** 20;
const timeDigits = 14;

/** The due time of what waits for an administrator: the last that a name can hold. */
export const neverDue = 10 ** timeDigits - 1;

/** Due times beyond what a name can hold, or before 1970, are moved to the edge; the very last one is `neverDue`. */
export const nameableTime = (timeMs: number): number =>
  timeMs === neverDue ? neverDue : Math.min(Math.max(Math.floor(Number.isNaN(timeMs) ? 0 : timeMs), 0), neverDue - 1);

export const bucketOf = (dueAt: number): string => String(Math.floor(dueAt / bucketMs)).padStart(8, "0");
export const isBucketName = (name: string): boolean => /^\d{8}$/.test(name);
/** The earliest due time in a bucket, milliseconds since 1970. */
export const bucketStart = (bucket: string): number => Number(bucket) * bucketMs;

export const deferredFileName = ({ dueAt, id }: DeferredName): string =>
  `${String(dueAt).padStart(timeDigits, "0")}.${id}`;

/** Without a match to pick to pieces: a start looks at a million of them. */
export function parseDeferredName(name: string): DeferredName | null {
  const id = name.slice(timeDigits + 1);
  return /^\d{14}\./.test(name) && isSpoolId(id) ? { dueAt: Number(name.slice(0, timeDigits)), id } : null;
}
