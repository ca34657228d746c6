/** What this process knows about the messages of its spool, and what it has yet to find out after a start. */
import type { SpoolOutcome } from "../contracts/spool.ts";
import { Entry, type Hold, type Schedule } from "./entry.ts";
import { type DeferredName, nameableTime, neverDue } from "./layout.ts";
import type { Segment } from "./segment.ts";

/** Facts in the journal about a message that is not in it: its own file will turn up under some name. */
export class Overlay {
  readonly outcomes = new Map<number, SpoolOutcome>();
  readonly segments = new Set<Segment>();
  schedule: Schedule | null = null;
  hold: Hold | null = null;
  /** `null`: what the file's name says. */
  dueAt: number | null = null;

  putOff(schedule: Schedule): void {
    this.schedule = schedule;
    if (this.dueAt !== neverDue) this.dueAt = nameableTime(schedule.dueAt);
  }

  setHold(reason: string | null): void {
    this.hold = { reason };
    this.dueAt = reason === null ? 0 : neverDue;
  }
}

export class Ledger {
  readonly entries = new Map<string, Entry>();
  /** On their way to the disk: the id is taken. */
  readonly accepting = new Set<string>();
  /** Until the survey has ended: messages that the journal says are done. */
  readonly finished = new Set<string>();
  /** Until the survey has ended. */
  readonly overlays = new Map<string, Overlay>();
  /** Messages that are no more, but whose names may still be seen in `deferred/`. */
  readonly #leaving = new Set<string>();
  /** Messages in this spool; complete when the survey has ended. */
  count = 0;

  add(entry: Entry): void {
    this.entries.set(entry.id, entry);
    this.count += 1;
  }

  /** It is not there any more. What pins it is the caller's business. */
  drop(entry: Entry): void {
    entry.isRemoved = true;
    if (entry.isCopying || entry.place.at === "file") this.#leaving.add(entry.id);
    if (this.entries.get(entry.id) !== entry) return;
    this.entries.delete(entry.id);
    this.count -= 1;
  }

  /** Its name has gone. */
  left(id: string): void {
    this.#leaving.delete(id);
  }

  /** A message met by its name; `null` if that is a name on its way out. The survey has counted it. */
  meet(name: DeferredName): Entry | null {
    const known = this.entries.get(name.id);
    if (known) return known;
    if (this.#leaving.has(name.id)) return null;
    const entry = new Entry(name.id, { at: "file", name, usedBytes: null }, { dueAt: name.dueAt });
    this.entries.set(name.id, entry);
    return entry;
  }
}
