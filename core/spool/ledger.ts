/** What this process knows about the messages of its spool, and what it has yet to find out after a start. */
import type { SpoolOutcome } from "../contracts/spool.ts";
import { Entry, type Hold, type Schedule } from "./entry.ts";
import { IdTable } from "./id-table.ts";
import { nameableTime, neverDue } from "./layout.ts";
import type { Segment } from "./segment.ts";

/** Facts in the journal about a message that is not in it: its own file will turn up under some name. */
export class Overlay {
  readonly outcomes = new Map<number, SpoolOutcome>();
  readonly segments = new Set<Segment>();
  schedule: Schedule | null = null;
  hold: Hold | null = null;
  /** `null`: what the file's name says. */
  dueAt: number | null = null;

  settle(recipientId: number, outcome: SpoolOutcome): void {
    this.outcomes.set(recipientId, outcome);
  }

  putOff(schedule: Schedule): void {
    this.schedule = schedule;
    if (this.dueAt !== neverDue) this.dueAt = nameableTime(schedule.dueAt);
  }

  setHold(reason: string | null): void {
    this.hold = { reason };
    this.dueAt = reason === null ? 0 : neverDue;
  }
}

/** Messages with files of their own that are kept in mind, as far as nothing has to be. */
const metLimit = 8192;

export class Ledger {
  readonly entries = new Map<string, Entry>();
  /** On their way to the disk: the id is taken. */
  readonly accepting = new Set<string>();
  /** Until the survey has ended: messages that the journal says are done. */
  readonly finished = new Set<string>();
  isSurveying = true;
  /** Until the survey has ended. */
  readonly overlays = new Map<string, Overlay>();
  /** The due time in the name of each message that has a file of its own. */
  readonly filed = new IdTable();
  /** Messages with files that somebody has asked for, oldest first: those at rest may be forgotten. */
  readonly #met = new Set<Entry>();
  readonly #onForgotten: (id: string) => void;
  /** Messages in this spool; complete when the survey has ended. */
  count = 0;

  constructor(onForgotten: (id: string) => void = () => {}) {
    this.#onForgotten = onForgotten;
  }

  add(entry: Entry): void {
    this.entries.set(entry.id, entry);
    this.count += 1;
  }

  /** It is not there any more. What pins it is the caller's business. */
  drop(entry: Entry): void {
    entry.isRemoved = true;
    this.filed.delete(entry.id);
    if (this.isSurveying) this.finished.add(entry.id);
    this.#met.delete(entry);
    if (this.entries.get(entry.id) !== entry) return;
    this.entries.delete(entry.id);
    this.count -= 1;
  }

  /** Its file is the message from here on. */
  isFiled(entry: Entry): void {
    if (entry.isRemoved || entry.place.at !== "file") return;
    this.filed.set(entry.id, entry.place.name.dueAt);
    this.#mayForget(entry);
  }

  /** When it is due; `null`: there is no such message. */
  dueAtOf(id: string): number | null {
    return this.entries.get(id)?.dueAt ?? this.filed.get(id);
  }

  /** A message, by its id; for one that has a file of its own an object is made. `null` if there is none. */
  meet(id: string): Entry | null {
    const known = this.entries.get(id);
    if (known) return known;
    const dueAt = this.filed.get(id);
    if (dueAt === null) return null;
    const entry = new Entry(id, { at: "file", name: { dueAt, id }, usedBytes: null }, { dueAt });
    this.entries.set(id, entry);
    this.#mayForget(entry);
    return entry;
  }

  /** It has a file: when it is at rest, and many others were asked for since, no object need stand for it. */
  #mayForget(entry: Entry): void {
    this.#met.add(entry);
    // Each call looks at two at most, so those at work do not make it slow.
    for (const oldest of [...first(this.#met, this.#met.size > metLimit ? 2 : 0)]) {
      this.#met.delete(oldest);
      if (!oldest.isAtRest) this.#met.add(oldest);
      else if (this.entries.get(oldest.id) === oldest) {
        this.entries.delete(oldest.id);
        this.#onForgotten(oldest.id);
      }
    }
  }
}

function* first<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}
