/** What the spool knows in memory about one message. Small: neither envelope nor bytes. */
import type { SpoolOutcome, SpoolState } from "../contracts/spool.ts";
import { type Brief, updated } from "./brief.ts";
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

/** A message with more recipients is read again when it is listed. */
const keptRecipients = 20;

const nothing = Promise.resolve();
const noOutcomes: ReadonlyMap<number, SpoolOutcome> = new Map();

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
  /** What was read of its file; `null`: nothing, or too much to be kept. */
  brief: Brief | null = null;
  /** The file of its own does not have the schedule. */
  isScheduleUnsaved = false;
  /** Segments that must not be emptied without it. */
  readonly #pinnedIn: Segment[] = [];
  /** `false`: its body is in its record, so there is no file to unlink. `true` also where nobody has read the record yet. */
  readonly mayHaveBodyFile: boolean;
  isRemoved = false;
  /** A file of its own is being written while it is still the journal's. */
  isCopying = false;
  /** Work on its file, one after the other. */
  #tail: Promise<void> = nothing;
  /** Work on its file that has not ended. */
  #pending = 0;
  /** Made when there is something to keep: most messages are one of very many. */
  #outcomes: Map<number, SpoolOutcome> | null = null;
  #unsaved: Set<number> | null = null;

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
    return (this.#unsaved?.size ?? 0) > 0 || this.isHoldUnsaved;
  }

  /** Outcomes later than what the place itself says, or all of them. */
  get outcomes(): ReadonlyMap<number, SpoolOutcome> {
    return this.#outcomes ?? noOutcomes;
  }

  /** For the catalogue, as things are now. */
  get presentBrief(): Brief | null {
    return this.brief && updated(this.brief, this);
  }

  /** Kept for a while only where it is small. */
  keepBrief(brief: Brief): void {
    this.brief = brief.openCount <= keptRecipients ? brief : null;
  }

  /** Its file says everything, and nobody is at work on it. */
  get isAtRest(): boolean {
    const isSaved = !this.hasUnsaved && !this.isScheduleUnsaved && this.#pinnedIn.length === 0;
    return this.place.at === "file" && isSaved && this.#pending === 0;
  }

  settle(recipientId: number, outcome: SpoolOutcome): void {
    this.#outcomes ??= new Map();
    this.#outcomes.set(recipientId, outcome);
    this.#unsaved ??= new Set();
    this.#unsaved.add(recipientId);
  }

  /** A file has these. */
  saved(outcomes: ReadonlyMap<number, SpoolOutcome>, hold: Hold | null): void {
    if (this.hold === hold) this.isHoldUnsaved = false;
    for (const [recipientId, outcome] of outcomes) {
      if (this.outcomes.get(recipientId) === outcome) this.#unsaved?.delete(recipientId);
    }
  }

  /** What is held stays held. */
  putOff(schedule: Schedule): void {
    this.schedule = schedule;
    this.isScheduleUnsaved = true;
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
    this.#pending += 1;
    const result = this.#tail.then(work);
    const ended = () => {
      this.#pending -= 1;
    };
    this.#tail = result.then(ended, ended);
    return result;
  }
}

export const freshSchedule = (dueAt: number): Schedule => ({ attempts: 0, dueAt, lastReply: null, warnedAt: null });
