/** What the spool knows in memory about one message. Small: neither envelope nor bytes. */
import type { SpoolOutcome, SpoolState } from "../contracts/spool.ts";
import { type DeferredName, nameableTime, neverDue } from "./layout.ts";
import type { Segment } from "./segment.ts";

export type Schedule = Omit<SpoolState, "outcomes">;

/** What an administrator, or a policy, has said last. */
export interface Hold {
  /** `null`: it waits no longer. */
  readonly reason: string | null;
}

export type Place =
  | { readonly at: "journal"; readonly segment: Segment; readonly offset: number; readonly sizeBytes: number }
  /** `usedBytes`: where its next record goes; `null` until it has been read once. */
  | { readonly at: "file"; readonly name: DeferredName; readonly usedBytes: number | null };

export interface EntryFacts {
  readonly dueAt: number;
  readonly mayHaveBodyFile?: boolean;
}

export class Entry {
  readonly id: string;
  place: Place;
  /** Later than what the place itself says; `null`: nothing later is known. */
  schedule: Schedule | null = null;
  /** Milliseconds since 1970; `neverDue` is what "held" means. */
  dueAt: number;
  /** Later than what the place itself says; `null`: nothing later is known. */
  hold: Hold | null = null;
  /** The hold is in the journal but not in a file of the message's own. */
  isHoldUnsaved = false;
  /** Outcomes later than what the place itself says, or all of them. */
  readonly outcomes = new Map<number, SpoolOutcome>();
  /** Recipients whose outcome is in the journal but not in a file of the message's own. */
  readonly unsaved = new Set<number>();
  /** Segments that must not be emptied without it. */
  readonly #pinnedIn: Segment[] = [];
  /** `false`: its body is in its record, so there is no file to unlink. `true` also where nobody has read the record yet. */
  readonly mayHaveBodyFile: boolean;
  isRemoved = false;
  /** A file of its own is being written while it is still the journal's. */
  isCopying = false;
  /** Work on its file, one after the other. */
  tail: Promise<void> = Promise.resolve();

  constructor(id: string, place: Place, how: EntryFacts) {
    this.id = id;
    this.place = place;
    this.dueAt = how.dueAt;
    this.mayHaveBodyFile = how.mayHaveBodyFile ?? true;
  }

  get isHeld(): boolean {
    return this.dueAt === neverDue;
  }

  /** The journal has facts that a file of its own lacks. */
  get hasUnsaved(): boolean {
    return this.unsaved.size > 0 || this.isHoldUnsaved;
  }

  /** What is held stays held. */
  putOff(schedule: Schedule): void {
    this.schedule = schedule;
    if (!this.isHeld) this.dueAt = nameableTime(schedule.dueAt);
  }

  setHold(reason: string | null): Hold {
    this.hold = { reason };
    this.isHoldUnsaved = true;
    this.dueAt = reason === null ? 0 : neverDue;
    return this.hold;
  }

  pin(segment: Segment): void {
    if (segment.pins.has(this)) return;
    segment.pins.add(this);
    this.#pinnedIn.push(segment);
  }

  unpin(segment: Segment): void {
    segment.pins.delete(this);
    const at = this.#pinnedIn.indexOf(segment);
    if (at !== -1) this.#pinnedIn.splice(at, 1);
  }

  unpinAll(): void {
    for (const segment of this.#pinnedIn.splice(0)) segment.pins.delete(this);
  }

  /** Runs after all earlier work on this entry has ended, well or badly. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}

export const freshSchedule = (dueAt: number): Schedule => ({ attempts: 0, dueAt, lastReply: null, warnedAt: null });
