/**
 * Group commit. Whoever comes while a flush runs goes into the next one; nobody waits for a timer. Facts (what happened to a
 * message) go before fresh messages and are written again elsewhere when a segment fails; fresh messages are rejected then.
 */
import { asSpoolFailure } from "./errors.ts";
import { type PreparedRecord, placeRecord } from "./record.ts";
import type { Segment } from "./segment.ts";
import type { Segments } from "./segments.ts";

/** Where a record went. Called when it has got its place, before it is on disk. */
export type OnPlaced = (segment: Segment, offset: number) => void;

interface Waiting {
  readonly order: number;
  readonly record: PreparedRecord;
  readonly onPlaced: OnPlaced | null;
  readonly isUrgent: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  failures: number;
}

/** The end of each segment is kept for facts: they find room when no further segment can be had. */
const reserveShare = 1 / 16;
const maxBatchBytes = 4 * 1024 * 1024;
const maxBatchRecords = 256;
/** Facts that nobody waits for go along with the next flush, or after this time. */
const lazyMs = 200;

export class Journal {
  readonly #segments: Segments;
  #active: Segment;
  #facts: Waiting[] = [];
  #messages: Waiting[] = [];
  #order = 0;
  #isScheduled = false;
  #isAdvancing = false;
  /** How many wait that somebody waits for. */
  #urgent = 0;
  /** What nobody waits for goes now, too. */
  #isLazyDue = false;
  #lazy: NodeJS.Timeout | null = null;
  /** The last try: what cannot be written now is given up. */
  #isDraining = false;
  #flushing = 0;
  #idle: (() => void)[] = [];

  constructor(segments: Segments, active: Segment) {
    this.#segments = segments;
    this.#active = active;
  }

  /** A fresh message: resolves when it is on disk, rejects if it is not; then it does not exist. */
  message(record: PreparedRecord, onPlaced: OnPlaced): Promise<void> {
    return this.#enqueue(this.#messages, record, onPlaced, true);
  }

  /** Something that happened: resolves when it is on disk. */
  fact(record: PreparedRecord, onPlaced: OnPlaced | null): Promise<void> {
    return this.#enqueue(this.#facts, record, onPlaced, true);
  }

  /** Something worth writing down that nobody waits for. Resolves when it is on disk, with others' flushes. */
  remark(record: PreparedRecord): Promise<void> {
    const written = this.#enqueue(this.#facts, record, null, false);
    this.#writeLater();
    return written;
  }

  #writeLater(): void {
    this.#lazy ??= setTimeout(() => {
      this.#lazy = null;
      this.#isLazyDue = true;
      this.#schedule();
    }, lazyMs).unref();
  }

  /** Whether a record of that size can ever be in a segment. */
  fits(record: PreparedRecord): boolean {
    return record.sizeBytes <= this.#active.sizeBytes / 4;
  }

  /** Writes what waits and resolves when nothing is under way. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#lazy) clearTimeout(this.#lazy);
    this.#lazy = null;
    this.#isLazyDue = true;
    this.#schedule();
    while (this.#isBusy) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#active.seal();
  }

  get #isBusy(): boolean {
    return this.#flushing > 0 || this.#isScheduled || this.#isAdvancing || this.#isWaiting;
  }

  get #isWaiting(): boolean {
    return this.#facts.length > 0 || this.#messages.length > 0;
  }

  #enqueue(queue: Waiting[], record: PreparedRecord, onPlaced: OnPlaced | null, isUrgent: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push({ order: this.#order++, record, onPlaced, isUrgent, resolve, reject, failures: 0 });
      if (!isUrgent) return;
      this.#urgent += 1;
      this.#schedule();
    });
  }

  /** At the end of this turn of the event loop: what other sockets deliver in the same turn goes along. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
      this.#wake();
    });
  }

  #flush(): void {
    while (this.#isDue && !this.#isAdvancing && this.#active.hasFreeLane) {
      const batch = this.#active.isFailed ? [] : this.#take(this.#active);
      if (batch.length === 0) this.#advance();
      else this.#write(this.#active, batch);
    }
    if (!this.#isWaiting) this.#isLazyDue = false;
  }

  get #isDue(): boolean {
    return this.#urgent > 0 || (this.#isLazyDue && this.#isWaiting);
  }

  #take(segment: Segment): Waiting[] {
    const batch: Waiting[] = [];
    const room = { bytes: segment.sizeBytes - segment.position, batch: maxBatchBytes };
    takeFitting(this.#facts, batch, room);
    room.bytes -= segment.sizeBytes * reserveShare;
    if (this.#facts.length === 0) takeFitting(this.#messages, batch, room);
    this.#forget(batch);
    return batch;
  }

  /** They wait no longer. */
  #forget(gone: readonly Waiting[]): readonly Waiting[] {
    for (const { isUrgent } of gone) if (isUrgent) this.#urgent -= 1;
    return gone;
  }

  #write(segment: Segment, batch: readonly Waiting[]): void {
    const pieces: Uint8Array[] = [];
    const { durable } = segment;
    let offset = segment.position;
    for (const { record, onPlaced } of batch) {
      placeRecord(record, segment.name.nonce, offset, durable);
      onPlaced?.(segment, offset);
      pieces.push(record.head, ...record.content);
      offset += record.sizeBytes;
    }
    this.#flushing += 1;
    segment.append(pieces, offset - segment.position).then(
      () => {
        for (const waiting of batch) waiting.resolve();
        this.#afterFlush();
      },
      (error: unknown) => {
        this.#segments.reportFailure(segment, error);
        this.#afterFailure(batch, asSpoolFailure(error));
        this.#afterFlush();
      },
    );
  }

  #afterFlush(): void {
    this.#flushing -= 1;
    if (this.#isDue) this.#schedule();
    this.#wake();
  }

  /** Facts stay true: they go to the next segment, once; those that nobody waits for until they are written. */
  #afterFailure(batch: readonly Waiting[], error: Error): void {
    for (const waiting of batch) {
      waiting.failures += 1;
      const isTried = waiting.failures > 1 && (waiting.isUrgent || this.#isDraining);
      if (waiting.record.type === "accept" || isTried) waiting.reject(error);
      else {
        this.#facts.push(waiting);
        if (waiting.isUrgent) this.#urgent += 1;
        else if (this.#isDraining) this.#isLazyDue = true;
        else this.#writeLater();
      }
    }
    this.#facts.sort((one, other) => one.order - other.order);
  }

  #advance(): void {
    this.#isAdvancing = true;
    this.#segments.take(this.#active).then(
      (segment) => {
        this.#active = segment;
        this.#isAdvancing = false;
        this.#schedule();
      },
      (error: unknown) => {
        this.#isAdvancing = false;
        this.#rejectMessages(asSpoolFailure(error));
        this.#schedule();
      },
    );
  }

  /**
   * No further segment can be had: messages are refused now; facts may still fit into what is kept for them. Those that nobody waits for
   * stay, because they may be what declares a refused message void.
   */
  #rejectMessages(error: Error): void {
    for (const waiting of this.#forget(this.#messages.splice(0))) waiting.reject(error);
    const [first] = this.#facts;
    const room = this.#active.sizeBytes - this.#active.position;
    if (!first || (!this.#active.isFailed && first.record.sizeBytes <= room)) return;
    const given = this.#facts.filter(({ isUrgent }) => isUrgent || this.#isDraining);
    this.#facts = this.#facts.filter(({ isUrgent }) => !isUrgent && !this.#isDraining);
    for (const waiting of this.#forget(given)) waiting.reject(error);
    this.#isLazyDue = false;
    if (this.#facts.length > 0) this.#writeLater();
  }

  #wake(): void {
    if (this.#idle.length === 0 || this.#isBusy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Moves records from the front of `queue` to `batch` as long as they fit. */
function takeFitting(queue: Waiting[], batch: Waiting[], room: { bytes: number; batch: number }): void {
  let count = 0;
  for (const { record } of queue) {
    const isFull =
      batch.length + count >= maxBatchRecords || (room.batch < record.sizeBytes && batch.length + count > 0);
    if (isFull || record.sizeBytes > room.bytes) break;
    room.bytes -= record.sizeBytes;
    room.batch -= record.sizeBytes;
    count += 1;
  }
  for (const waiting of queue.splice(0, count)) batch.push(waiting);
}
