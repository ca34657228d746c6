/** What this process knows about the messages of its spool, and what it has yet to find out after a start. */
import type { SpoolOutcome } from "../contracts/spool.ts";
import type { Entry, Schedule } from "./entry.ts";
import type { Segment } from "./segment.ts";

/** Facts in the journal about a message that is not in it: its own file will turn up under some name. */
export interface Overlay {
  readonly outcomes: Map<number, SpoolOutcome>;
  schedule: Schedule | null;
  readonly segments: Set<Segment>;
}

export class Ledger {
  readonly entries = new Map<string, Entry>();
  /** On their way to the disk: the id is taken. */
  readonly accepting = new Set<string>();
  /** Until the survey has ended: messages that the journal says are done. */
  readonly finished = new Set<string>();
  /** Until the survey has ended. */
  readonly overlays = new Map<string, Overlay>();
  /** Messages in this spool; complete when the survey has ended. */
  count = 0;

  add(entry: Entry): void {
    this.entries.set(entry.id, entry);
    this.count += 1;
  }

  /** It is not there any more. What pins it is the caller's business. */
  drop(entry: Entry): void {
    entry.isRemoved = true;
    if (this.entries.get(entry.id) !== entry) return;
    this.entries.delete(entry.id);
    this.count -= 1;
  }
}
