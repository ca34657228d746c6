/**
 * The journal's files as a ring: taken for writing, filled, emptied of what still matters, used again. The next one is made
 * ready while the present one fills. When none can be made, `take` rejects; what is on disk stays as it is.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import { asSpoolFailure, ignoreMissing, SpoolError } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import { type Layout, type SegmentName, segmentFileName } from "./layout.ts";
import type { SpoolLimits } from "./limits.ts";
import { Segment } from "./segment.ts";

export interface SegmentsInit {
  readonly files: SpoolFiles;
  readonly layout: Layout;
  readonly limits: SpoolLimits;
  readonly log: Log;
  readonly clock: Clock;
  /** Of an earlier run, oldest first. */
  readonly found: readonly Segment[];
  readonly spares: readonly string[];
}

/** Moves out of a segment what is only there, and flushes all removals of names so far. */
export type Emptying = (segment: Segment) => Promise<void>;

const zeroBytes = 1024 * 1024;
/** After a failure the disk is left alone for so long. */
const pauseMs = 1000;

export class Segments {
  readonly #init: SegmentsInit;
  /** Oldest first; the one in use is the last. */
  readonly #live: Segment[];
  readonly #spares: string[];
  #lastSequence: number;
  #next: Promise<Segment> | null = null;
  #failedAt: { readonly at: number; readonly error: Error } | null = null;
  #emptying: Emptying | null = null;
  /** Whoever waits for `allowEmptying` or `forbidEmptying`. */
  #waiting: (() => void)[] = [];
  #isForbidden = false;
  #isClosed = false;

  constructor(init: SegmentsInit) {
    this.#init = init;
    this.#live = [...init.found];
    this.#spares = [...init.spares];
    this.#lastSequence = init.found.at(-1)?.sequence ?? 0;
  }

  /** From now on segments may be emptied and used again: all names in `deferred/` have been seen. */
  allowEmptying(emptying: Emptying): void {
    this.#emptying = emptying;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The names cannot be seen: segments pile up until there are too many. */
  forbidEmptying(): void {
    this.#isForbidden = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The first segment of this run. */
  async begin(): Promise<Segment> {
    const segment = await this.#begun();
    this.#live.push(segment);
    return segment;
  }

  /** Seals `current` and answers the next segment to write to. */
  async take(current: Segment): Promise<Segment> {
    const failed = this.#failedAt;
    if (failed && !this.#next && this.#init.clock.now() - failed.at < pauseMs) throw failed.error;
    this.#next ??= this.#make();
    try {
      const segment = await this.#next;
      this.#failedAt = null;
      current.seal();
      this.#live.push(segment);
      setImmediate(() => this.prepare());
      return segment;
    } catch (error) {
      this.#failedAt = { at: this.#init.clock.now(), error: asSpoolFailure(error) };
      this.#init.log.error({ error: String(error) }, "spool: no further journal file can be made, mail is refused");
      throw error;
    } finally {
      this.#next = null;
    }
  }

  /** Makes the next segment ready in the background. A failure is told when the segment is needed. */
  prepare(): void {
    if (this.#next || this.#failedAt || this.#isClosed) return;
    const next = this.#make();
    this.#next = next;
    next.catch((error: unknown) => {
      if (this.#next === next) this.#next = null;
      this.#init.log.warn({ error: String(error) }, "spool: the next journal file could not be made ready");
    });
  }

  reportFailure(segment: Segment, error: unknown): void {
    this.#init.log.error(
      { segment: segmentFileName(segment.name), error: String(error) },
      "spool: a journal file failed, it is not written to any more",
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const next = await this.#next?.catch(() => null);
    if (next) await next.close();
    for (const segment of this.#live) {
      segment.seal();
      await segment.whenIdle();
      await segment.close();
    }
  }

  async #make(): Promise<Segment> {
    await this.#reclaim();
    if (this.#isOverfull && !this.#emptying && !this.#isForbidden) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await this.#reclaim();
    }
    if (this.#isOverfull) throw new SpoolError("SPOOL_FAILED", "too many journal files are in use");
    return this.#begun();
  }

  get #isOverfull(): boolean {
    return this.#live.length >= this.#init.limits.maxSegments * 2;
  }

  async #begun(): Promise<Segment> {
    const { files, layout, limits } = this.#init;
    this.#lastSequence += 1;
    const name: SegmentName = { sequence: this.#lastSequence, nonce: randomBytes(8) };
    const spare = this.#spares.pop() ?? (await this.#createSpare());
    await files.rename(join(layout.journal, spare), join(layout.journal, segmentFileName(name)));
    await files.flushDirectory(layout.journal);
    return Segment.toWrite(files, layout.journal, name, limits.segmentBytes);
  }

  /** Takes back from the old end what holds nothing any more; beyond the limit, what holds something as well. */
  async #reclaim(): Promise<void> {
    if (!this.#emptying) return;
    for (;;) {
      const [oldest] = this.#live;
      const mustGo = this.#live.length >= this.#init.limits.maxSegments;
      if (!oldest || this.#live.length < 2 || (oldest.pins.size > 0 && !mustGo)) return;
      try {
        await this.#retire(oldest, this.#emptying);
      } catch (error) {
        this.#init.log.error(
          { segment: segmentFileName(oldest.name), error: String(error) },
          "spool: a journal file could not be emptied, it is kept",
        );
        return;
      }
    }
  }

  async #retire(segment: Segment, emptying: Emptying): Promise<void> {
    const { files, layout, limits } = this.#init;
    await emptying(segment);
    await segment.whenIdle();
    await segment.close();
    // Never trusted again after a failure; of no use if the configured size has changed.
    if (segment.isFailed || segment.sizeBytes !== limits.segmentBytes) {
      await ignoreMissing(files.unlink(segment.path));
    } else {
      const spare = `${randomBytes(8).toString("hex")}.spare`;
      await files.rename(segment.path, join(layout.journal, spare));
      this.#spares.push(spare);
    }
    // Only now, and before any younger segment goes: facts about a message outlive the message.
    await files.flushDirectory(layout.journal);
    this.#live.shift();
  }

  /** Written full, so that later flushes need not write any metadata. */
  async #createSpare(): Promise<string> {
    const { files, layout, limits } = this.#init;
    const name = `${randomBytes(8).toString("hex")}.spare`;
    const path = join(layout.journal, name);
    const fd = await files.create(path);
    try {
      const zeros = Buffer.alloc(Math.min(zeroBytes, limits.segmentBytes));
      for (let at = 0; at < limits.segmentBytes; at += zeros.length) {
        await files.write(fd, [zeros.subarray(0, Math.min(zeros.length, limits.segmentBytes - at))], at);
      }
      await files.flush(fd);
    } catch (error) {
      await files.close(fd);
      await ignoreMissing(files.unlink(path));
      throw error;
    }
    await files.close(fd);
    return name;
  }
}
