/** The spool's figures, in one place: sizes in bytes, counts of messages. Chosen by measurement: `docs/adr/0002-spool.md`. */
export interface SpoolLimits {
  /** Size of one journal file, written full of zeros before it is used. */
  readonly segmentBytes: number;
  /** Journal files in use at most; beyond that the oldest is emptied into `deferred/`. */
  readonly maxSegments: number;
  /** A message up to this size stays in memory and goes through the journal; a larger one gets a file. */
  readonly memoryMessageBytes: number;
  /** All messages on their way in together hold at most this in memory; beyond, they go to files early. */
  readonly memoryTotalBytes: number;
  /** A header block larger than this counts as body from there on. */
  readonly headerBytes: number;
  /** Accepted messages that `read` can answer without the disk. */
  readonly cacheBytes: number;
  /** Nothing is taken in that would leave less than this on the file system. */
  readonly minFreeBytes: number;
  /** Messages in this spool at most. */
  readonly maxMessages: number;
}

const mebibyte = 1024 * 1024;

export const defaultLimits: SpoolLimits = {
  segmentBytes: 16 * mebibyte,
  maxSegments: 16,
  memoryMessageBytes: 3 * mebibyte,
  memoryTotalBytes: 128 * mebibyte,
  headerBytes: mebibyte,
  cacheBytes: 16 * mebibyte,
  minFreeBytes: 128 * mebibyte,
  maxMessages: 2_000_000,
};

export function spoolLimits(given: Partial<SpoolLimits> = {}): SpoolLimits {
  const limits = { ...defaultLimits, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`spool limit ${name} is no size: ${value}`);
  }
  if (limits.segmentBytes < 64 * 1024) throw new RangeError("spool limit segmentBytes is below 64 KiB");
  if (limits.segmentBytes > 1024 * mebibyte) throw new RangeError("spool limit segmentBytes is above 1 GiB");
  if (limits.maxSegments < 2) throw new RangeError("spool limit maxSegments is below 2");
  return limits;
}
