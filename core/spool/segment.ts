/** One journal file: written at the end by the journal while it is active, read at any place, emptied and used again. */
import { join } from "node:path";
import type { Entry } from "./entry.ts";
import { SpoolError } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import { type SegmentName, segmentFileName } from "./layout.ts";

/** Two flushes may run at once: a settlement on its way to the disk does not hold up the next message. Each lane has a
 * file description of its own, so that the kernel reports a failed write-back to each (a shared one would hear it once). */
const laneCount = 2;

export class Segment {
  readonly name: SegmentName;
  readonly path: string;
  readonly sizeBytes: number;
  /** Where the next record goes. */
  position = 0;
  /** A write or flush failed: nothing is written here any more, what was confirmed before stays readable. */
  isFailed = false;
  /** Messages that are only here, and outcomes that no other file has. */
  readonly pins = new Set<Entry>();
  readonly #files: SpoolFiles;
  readonly #freeLanes: number[] = [];
  readonly #lanes: number[] = [];
  /** Where the writes begin that are under way. */
  readonly #writing = new Set<number>();
  /** The lowest write that was not confirmed. */
  #ceiling = Number.POSITIVE_INFINITY;
  #reader: Promise<number> | null = null;
  #readers = 0;
  #isSealed: boolean;
  #idle: (() => void)[] = [];

  private constructor(files: SpoolFiles, directory: string, name: SegmentName, sizeBytes: number, isSealed: boolean) {
    this.#files = files;
    this.name = name;
    this.path = join(directory, segmentFileName(name));
    this.sizeBytes = sizeBytes;
    this.#isSealed = isSealed;
  }

  /** A segment to write to; the file is there, of full size, with nothing in it that counts. */
  static async toWrite(files: SpoolFiles, directory: string, name: SegmentName, sizeBytes: number): Promise<Segment> {
    const segment = new Segment(files, directory, name, sizeBytes, false);
    for (let lane = 0; lane < laneCount; lane += 1) {
      const fd = await files.openWrite(segment.path, "flushing");
      segment.#lanes.push(fd);
      segment.#freeLanes.push(fd);
    }
    return segment;
  }

  /** A segment of an earlier run: only to read. */
  static toRead(files: SpoolFiles, directory: string, name: SegmentName, sizeBytes: number): Segment {
    return new Segment(files, directory, name, sizeBytes, true);
  }

  get sequence(): number {
    return this.name.sequence;
  }

  get hasFreeLane(): boolean {
    return this.#freeLanes.length > 0;
  }

  /** All bytes below this offset are on disk. */
  get durable(): number {
    return Math.min(this.position, this.#ceiling, ...this.#writing);
  }

  /** Appends and flushes; the caller has placed the records at `position`. Rejects, also for what ran beside, if one fails. */
  async append(pieces: readonly Uint8Array[], bytes: number): Promise<void> {
    const lane = this.#freeLanes.pop();
    if (lane === undefined) throw new SpoolError("SPOOL_FAILED", "no free lane");
    const start = this.position;
    this.position += bytes;
    this.#writing.add(start);
    try {
      await this.#files.write(lane, pieces, start);
    } catch (error) {
      this.isFailed = true;
      throw error;
    } finally {
      this.#freeLanes.push(lane);
      this.#writing.delete(start);
      if (this.isFailed) this.#ceiling = Math.min(this.#ceiling, start);
      this.#wake();
    }
    if (this.isFailed) throw new SpoolError("SPOOL_FAILED", "another write to the same journal file failed");
  }

  /** Exactly these bytes, or what of them is there. */
  async read(offset: number, sizeBytes: number): Promise<Buffer> {
    this.#readers += 1;
    try {
      this.#reader ??= this.#files.openRead(this.path);
      const bytes = Buffer.allocUnsafe(sizeBytes);
      return bytes.subarray(0, await this.#files.read(await this.#reader, bytes, offset));
    } catch (error) {
      this.#reader = null;
      throw error;
    } finally {
      this.#readers -= 1;
      this.#wake();
    }
  }

  /** No more writing. */
  seal(): void {
    this.#isSealed = true;
    this.#wake();
  }

  /** Resolves when nobody reads or writes here. */
  async whenIdle(): Promise<void> {
    while (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Call it when idle. */
  async close(): Promise<void> {
    const lanes = this.#lanes.splice(0);
    this.#freeLanes.length = 0;
    const reader = this.#reader;
    this.#reader = null;
    for (const fd of lanes) await this.#files.close(fd);
    if (reader) await this.#files.close(await reader);
  }

  get #isIdle(): boolean {
    return this.#isSealed && this.#readers === 0 && this.#writing.size === 0;
  }

  #wake(): void {
    if (this.#idle.length === 0 || !this.#isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
