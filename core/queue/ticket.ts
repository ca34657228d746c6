/** A message that the queue has at hand: little more than its id, and where it is. There is one for each at most. */

import { senderOf } from "./envelope-id.ts";
import type { Job } from "./job.ts";
import type { Priority } from "./priority.ts";

export type TicketPlace =
  /** It is being accepted: nobody may begin with it yet. */
  | "expected"
  /** May begin, as soon as there is room. */
  | "ready"
  /** Waits for its time. */
  | "due"
  /** Waits for a destination that is far behind. */
  | "parked"
  /** Being worked on, or changed. */
  | "active"
  /** The queue has nothing more to do with it: delivered, held, removed, or left to the spool. */
  | "gone";

export class Ticket {
  readonly id: string;
  /** For taking turns. */
  readonly sender: string;
  /** Known once the message has been read. */
  priority: Priority = "normal";
  at: TicketPlace = "ready";
  /** The message, as long as it is kept in memory for its first try. */
  job: Job | null = null;
  /** Milliseconds since 1970. */
  dueAt = 0;
  /** Its place in the heap; -1: none. */
  heapIndex = -1;
  /** Somebody wants it tried now, whatever time was planned. */
  isForced = false;
  /** Somebody wants to change the message: what has not begun yet does not begin. */
  isRecalled = false;
  #cuts: (() => void)[] | null = null;

  constructor(id: string) {
    this.id = id;
    this.sender = senderOf(id);
  }

  /** Takes a way to end one wait for a lane. */
  waits(cut: () => void): void {
    this.#cuts ??= [];
    this.#cuts.push(cut);
  }

  /** Whoever works on it knows, and no wait for a lane goes on. */
  recall(): void {
    this.isRecalled = true;
    for (const cut of this.#cuts?.splice(0) ?? []) cut();
  }

  /** Whatever was said of the last try holds no longer. */
  rests(): void {
    this.isRecalled = false;
    this.isForced = false;
    this.#cuts = null;
  }
}
