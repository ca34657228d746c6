/**
 * The index of one mailbox on disk: segments and a tail in a directory of its own. Any process may read; only the holder of the mailbox's
 * lease writes. What is damaged is deleted, and found out again.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, unlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Damaged, Segment, writeSegment } from "./segment.ts";
import { appendToTail, cutTail, readTail, replaceTail, type TailRecord } from "./tail.ts";
import { UidSet } from "./uid-set.ts";
import { type Width, widths } from "./widths.ts";

/** Segments that are read in one go; then others have their turn. */
const segmentsAtOnce = 8;
/** Checksums that this process has compared. */
const maxTrusted = 10_000;
const trusted = new Set<string>();

export class MailboxFiles {
  readonly directory: string;
  readonly #tail: string;

  constructor(directory: string) {
    this.directory = directory;
    this.#tail = join(directory, "tail");
  }

  get exists(): boolean {
    return existsSync(this.directory);
  }

  /** Whoever is not used for long goes first when there is no room. */
  touch(now: Date): void {
    if (this.exists) utimesSync(this.directory, now, now);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** UIDs of messages that the index knows. */
  async known(): Promise<UidSet> {
    const uids = new UidSet();
    await this.#eachSegment((segment) => {
      for (const uid of segment.uids) uids.add(uid);
    });
    for (const { uid } of readTail(this.#tail).records) uids.add(uid);
    return uids;
  }

  /** UIDs of messages that lack one of the places. */
  async without(places: readonly number[]): Promise<UidSet> {
    const uids = new UidSet();
    await this.#eachSegment((segment) => {
      for (const uid of segment.without(places)) uids.add(uid);
    });
    for (const { uid, bits } of readTail(this.#tail).records) {
      const mask = bits.length * 8 - 1;
      const lacks = (place: number) => ((bits[(place & mask) >> 3] ?? 0) & (1 << (place & 7))) === 0;
      if (bits.length > 0 && places.some(lacks)) uids.add(uid);
    }
    return uids;
  }

  /** Takes in what was found out; makes segments of what is many enough. For the holder of the lease. */
  append(records: readonly TailRecord[]): void {
    if (records.length === 0) return;
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const tail = readTail(this.#tail);
    cutTail(this.#tail, tail);
    appendToTail(this.#tail, records);
    let left: readonly TailRecord[] = [...tail.records, ...records];
    for (const width of widths) {
      const settled = left.filter((record) => record.width === width.id).slice(0, width.capacity);
      if (settled.length === width.capacity) left = this.#settle(left, width, new Set(settled));
    }
  }

  /** A segment first, then a tail without its messages: in between they are in both, which does no harm. */
  #settle(all: readonly TailRecord[], width: Width, settled: ReadonlySet<TailRecord>): readonly TailRecord[] {
    writeSegment(join(this.directory, `segment-${randomBytes(8).toString("hex")}`), width, [...settled]);
    const left = all.filter((record) => !settled.has(record));
    replaceTail(this.#tail, left);
    return left;
  }

  async #eachSegment(look: (segment: Segment) => void): Promise<void> {
    let count = 0;
    for (const name of this.#names()) {
      if (!name.startsWith("segment-") || name.endsWith(".tmp")) continue;
      const path = join(this.directory, name);
      this.#open(path, look);
      if (++count % segmentsAtOnce === 0) await setImmediate();
    }
  }

  #open(path: string, look: (segment: Segment) => void): void {
    let segment: Segment;
    try {
      segment = Segment.open(path, trusted.has(path));
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === "ENOENT") return; // removed meanwhile
      if (fault instanceof Damaged) unlinkSync(path);
      throw fault;
    }
    try {
      if (trusted.size >= maxTrusted) trusted.clear();
      trusted.add(path);
      look(segment);
    } finally {
      segment.close();
    }
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.directory);
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw fault;
    }
  }
}
