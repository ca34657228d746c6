/**
 * Spool: accepted mail on disk. The states of a message and what a crash leaves of each stand in `docs/spool-states.md`.
 * Rejects with `SpoolFull`, a `SpoolError` or what the disk said; an id that `accept` resolved for is never lost.
 */

import type { Message } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool, SpoolEntry, SpoolEnvelope, SpoolOutcome, SpoolSummary } from "../contracts/spool.ts";
import type { Intake } from "../contracts/submit.ts";
import type { DirectoryLock } from "../kernel/directory-lock.ts";
import { isStored, type Piece, type StoredMessage } from "../kernel/message.ts";
import { type AcceptingInit, acceptMessage } from "./accepting.ts";
import type { Bodies } from "./bodies.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Damaged } from "./damaged.ts";
import type { DeferredFiles } from "./deferred-files.ts";
import { refile } from "./emptying.ts";
import { type Entry, freshSchedule, type Schedule } from "./entry.ts";
import { SpoolError } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import { MemoryBudget, SpoolIntake } from "./intake.ts";
import type { Journal } from "./journal.ts";
import { isSpoolId, nameableTime } from "./layout.ts";
import type { Ledger } from "./ledger.ts";
import type { SpoolLimits } from "./limits.ts";
import { listWaiting } from "./listing.ts";
import { readEntry } from "./reading.ts";
import type { RecentMessages } from "./recent.ts";
import { type Due, recoveredUntil } from "./recovered.ts";
import type { Room } from "./room.ts";
import { holdRecord, removeRecord, rescheduleRecord, settleRecord } from "./saved-records.ts";
import type { Segments } from "./segments.ts";

export interface FileSpoolInit {
  readonly files: SpoolFiles;
  readonly limits: SpoolLimits;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly segments: Segments;
  readonly journal: Journal;
  readonly deferred: DeferredFiles;
  readonly bodies: Bodies;
  readonly damaged: Damaged;
  readonly catalogue: Catalogue;
  readonly room: Room;
  readonly recent: RecentMessages;
  readonly lock: DirectoryLock;
  /** Resolves when all names in `deferred/` have been seen. */
  readonly surveyed: Promise<void>;
}

export class FileSpool implements Spool {
  readonly #init: FileSpoolInit;
  readonly #recent: RecentMessages;
  readonly #budget: MemoryBudget;
  /** Which intake a piece came from. */
  readonly #intakes = new WeakMap<Piece, SpoolIntake>();
  /** Whoever neither accepts nor aborts a file leaves it to the garbage collector. */
  readonly #abandoned = new FinalizationRegistry<SpoolIntake>((intake) => this.#inBackground(intake.abort()));
  readonly #background = new Set<Promise<unknown>>();
  readonly #accepting: AcceptingInit;
  #closing: Promise<void> | null = null;

  constructor(init: FileSpoolInit) {
    this.#init = init;
    this.#recent = init.recent;
    this.#accepting = { ...init, inBackground: (work) => this.#inBackground(work) };
    this.#budget = new MemoryBudget(init.limits.memoryTotalBytes);
  }

  /** Messages in the spool; complete after the names on disk have been seen. */
  get count(): number {
    return this.#init.ledger.count;
  }

  hasRoomFor(sizeBytes: number): boolean {
    const { room, ledger } = this.#init;
    return room.has(sizeBytes, ledger.count);
  }

  receive(sizeHintBytes: number | null): Intake {
    this.#assertOpen();
    const { files, limits, bodies, room, ledger } = this.#init;
    room.check(sizeHintBytes ?? 0, ledger.count);
    return new SpoolIntake({
      files,
      bodies,
      limits,
      budget: this.#budget,
      isLarge: sizeHintBytes !== null && sizeHintBytes > limits.memoryMessageBytes,
      onEnd: (intake, message) => {
        for (const piece of [message.header, ...message.body]) this.#intakes.set(piece, intake);
        const [first] = message.body;
        // To watch each message that is in memory would cost more than the memory.
        if (first && !(first instanceof Uint8Array)) this.#abandoned.register(first, intake);
      },
    });
  }

  async accept(envelope: SpoolEnvelope, message: Message): Promise<void> {
    this.#assertOpen();
    const { ledger, room } = this.#init;
    const { id } = envelope;
    if (!isSpoolId(id)) throw new SpoolError("SPOOL_BAD_ID", "an id of other characters than A-Z a-z 0-9 _ -");
    if (ledger.dueAtOf(id) !== null || ledger.accepting.has(id))
      throw new SpoolError("SPOOL_DUPLICATE", "this id is taken");
    room.check(message.sizeBytes, ledger.count + ledger.accepting.size);
    const stored = isStored(message) ? message : await this.#store(message);
    await acceptMessage(this.#accepting, envelope, stored);
    this.#recent.keep(envelope, stored);
    for (const piece of [stored.header, ...stored.body]) this.#intakes.get(piece)?.accepted();
  }

  async settle(id: string, recipientId: number, outcome: SpoolOutcome): Promise<void> {
    this.#assertOpen();
    if (!this.#init.ledger.meet(id)) await this.#init.surveyed;
    const entry = this.#entry(id);
    entry.settle(recipientId, outcome);
    await this.#init.journal.fact(settleRecord(id, recipientId, outcome), (segment) => {
      if (!entry.isRemoved) entry.pin(segment);
    });
  }

  async reschedule(id: string, change: Schedule): Promise<void> {
    this.#assertOpen();
    if (!this.#init.ledger.meet(id)) await this.#init.surveyed;
    const entry = this.#entry(id);
    const { attempts, lastReply, warnedAt } = change;
    const schedule = { attempts, dueAt: nameableTime(change.dueAt), lastReply, warnedAt };
    entry.putOff(schedule);
    if (entry.place.at === "file") await entry.inTurn(() => refile(this.#init, entry));
    else this.#inBackground(this.#init.journal.remark(rescheduleRecord(id, schedule)));
  }

  async hold(id: string, reason: string | null): Promise<void> {
    this.#assertOpen();
    const { journal } = this.#init;
    if (!this.#init.ledger.meet(id)) await this.#init.surveyed;
    const entry = this.#entry(id);
    const before = { hold: entry.hold, dueAt: entry.dueAt };
    const hold = entry.setHold(reason);
    try {
      await journal.fact(holdRecord(id, reason), (segment) => {
        if (!entry.isRemoved) entry.pin(segment);
      });
    } catch (error) {
      if (entry.hold === hold) Object.assign(entry, before);
      throw error;
    }
    // The name follows. Should that fail, the journal says so until the file can.
    const filed = entry.inTurn(() => refile(this.#init, entry));
    this.#inBackground(filed);
    await Promise.allSettled([filed]);
  }

  async *list(): AsyncIterable<readonly SpoolSummary[]> {
    this.#assertOpen();
    await this.#init.surveyed;
    for await (const summaries of listWaiting(this.#init)) {
      if (this.#closing) return;
      yield summaries;
    }
  }

  async remove(id: string): Promise<void> {
    this.#assertOpen();
    const { ledger, journal, deferred, bodies } = this.#init;
    if (!ledger.meet(id)) await this.#init.surveyed;
    const entry = ledger.meet(id);
    if (!entry) return;
    ledger.drop(entry);
    this.#recent.forget(id);
    const written = journal.remark(removeRecord(id));
    // The body goes last: as long as a record could bring the message back it must be whole.
    this.#inBackground(entry.mayHaveBodyFile ? written.then(() => bodies.remove(id)) : written);
    // A copy into a file that is in the making is unlinked by whoever makes it.
    if (entry.place.at === "journal") entry.unpinAll();
    else this.#inBackground(entry.inTurn(() => unlinkFile(deferred, entry)));
  }

  async read(id: string): Promise<SpoolEntry | null> {
    this.#assertOpen();
    const { ledger, surveyed } = this.#init;
    if (!ledger.meet(id)) await surveyed;
    const entry = ledger.meet(id);
    if (!entry) return null;
    const recent = this.#recent.get(id);
    if (recent) {
      const schedule = { ...(entry.schedule ?? freshSchedule(0)), dueAt: entry.dueAt };
      const { hold } = entry.hold ? { hold: entry.hold.reason } : recent.envelope;
      return {
        envelope: { ...recent.envelope, hold },
        message: recent.message,
        state: { ...schedule, outcomes: Object.fromEntries(entry.outcomes) },
      };
    }
    try {
      return await readEntry(this.#init, entry);
    } catch (error) {
      // Set aside: the next start is not to find it again.
      if (entry.isRemoved) this.#inBackground(this.#init.journal.remark(removeRecord(id)));
      throw error;
    }
  }

  async *recovered(until: number): AsyncIterable<Due> {
    this.#assertOpen();
    await this.#init.surveyed;
    for await (const handful of recoveredUntil(this.#init.ledger, this.#init.deferred, until)) {
      for (const due of handful) {
        if (this.#closing) return;
        // Whoever asks may take its time.
        if (this.#init.ledger.dueAtOf(due.id) === due.dueAt) yield due;
      }
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { journal, segments, deferred, surveyed, lock } = this.#init;
    try {
      await journal.drain();
      this.#inBackground(surveyed.then(() => deferred.flushNames()));
      while (this.#background.size > 0) await Promise.all(this.#background);
      // A segment that is being emptied comes to its end here.
      await segments.close();
      await this.#init.catalogue.close();
    } finally {
      await lock.release();
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new SpoolError("SPOOL_CLOSED", "the spool is closed");
  }

  #entry(id: string): Entry {
    const entry = this.#init.ledger.meet(id);
    if (!entry) throw new SpoolError("SPOOL_UNKNOWN", "no such message in the spool");
    return entry;
  }

  /** A message that core did not make: through an intake like any other. */
  async #store(message: Message): Promise<StoredMessage> {
    const intake = this.receive(message.sizeBytes) as SpoolIntake;
    try {
      for await (const piece of message.inMemory() ?? (message.content() as AsyncIterable<Uint8Array>)) {
        await intake.write(piece);
      }
      return await intake.end();
    } catch (error) {
      await intake.abort();
      throw error;
    }
  }

  readonly #inBackground = (work: Promise<unknown>): void => {
    const watched: Promise<unknown> = work.then(
      () => this.#background.delete(watched),
      (error: unknown) => {
        this.#background.delete(watched);
        this.#init.log.warn({ error: String(error) }, "spool: clearing up was left undone, the next start does it");
      },
    );
    this.#background.add(watched);
  };
}

/** Its outcomes stay pinned in the journal until the name has gone. */
async function unlinkFile(deferred: DeferredFiles, entry: Entry): Promise<void> {
  if (entry.place.at !== "file") return;
  await deferred.remove(entry.place.name);
  entry.unpinAll();
}
