/**
 * The messages that the queue knows by their ids: those that may be tried, in turns by sender, and those that wait for their time. A
 * million may be in the spool; as many as there is room for are here, and the others are left to the spool until there is room.
 */
import type { Backlog } from "./backlog.ts";
import { DueHeap } from "./due-heap.ts";
import type { Rest } from "./rest.ts";
import { Ticket } from "./ticket.ts";
import { Turns } from "./turns.ts";

export class AtHand {
  readonly #most: number;
  readonly #backlog: Backlog;
  readonly #may: (ticket: Ticket) => boolean;
  readonly #tickets = new Map<string, Ticket>();
  readonly #fresh = new Turns<Ticket>();
  readonly #retries = new Turns<Ticket>();
  readonly #waiting = new DueHeap();
  #isFreshNext = true;

  /** `may`: whether there is room for it now, as `Turns.shift` takes it. */
  constructor(most: number, backlog: Backlog, may: (ticket: Ticket) => boolean) {
    this.#most = most;
    this.#backlog = backlog;
    // Somebody else may have taken it meanwhile: it stands here all the same.
    this.#may = (ticket) => ticket.at !== "ready" || may(ticket);
  }

  get size(): number {
    return this.#tickets.size;
  }

  get ready(): number {
    return this.#fresh.size + this.#retries.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get(id: string): Ticket | undefined {
    return this.#tickets.get(id);
  }

  /** When somebody should look again; `null`: nobody need. */
  get nextAtMs(): number | null {
    const dueAt = this.#waiting.nextDueAt;
    const lacksFromMs = this.#hasRoom ? this.#backlog.lacksFromMs : null;
    if (dueAt === null || lacksFromMs === null) return dueAt ?? lacksFromMs;
    return Math.min(dueAt, lacksFromMs);
  }

  /** Something may be due that is not here, and there is room for it. */
  lacks(nowMs: number): boolean {
    return this.#hasRoom && this.#backlog.lacksFromMs <= nowMs;
  }

  get #hasRoom(): boolean {
    return this.#tickets.size < this.#most / 2;
  }

  /** Takes on what the spool has. Never rejects. */
  async refill(): Promise<void> {
    const found = await this.#backlog.look(Math.max(1, this.#most - this.#tickets.size), (id) => this.#tickets.has(id));
    for (const { id, dueAt } of found) {
      if (this.#tickets.has(id)) continue;
      const ticket = new Ticket(id);
      this.#tickets.set(id, ticket);
      this.#await(ticket, dueAt);
    }
  }

  /** Whether a fresh message need not be kept in memory, because its sender has had an even part of that. */
  isCrowded(ticket: Ticket, limit: number): boolean {
    return this.#fresh.isCrowded(ticket, limit);
  }

  /** `false`: there is no room, it is left to the spool. */
  addFresh(ticket: Ticket, nowMs: number): boolean {
    if (this.#fresh.isCrowded(ticket, this.#most)) {
      this.#leave(ticket);
      this.#backlog.leave(nowMs);
      return false;
    }
    this.#tickets.set(ticket.id, ticket);
    ticket.at = "ready";
    this.#fresh.push(ticket);
    return true;
  }

  /** Nobody begins with it. The same ticket for as long as it is here. */
  claim(id: string, at: "active" | "expected"): Ticket {
    const ticket = this.#tickets.get(id) ?? new Ticket(id);
    this.#waiting.remove(ticket);
    ticket.at = at;
    this.#tickets.set(id, ticket);
    return ticket;
  }

  /** The next one that there is room for. New mail and what was put off take turns, so that neither holds the other up. */
  take(nowMs: number): Ticket | null {
    for (let due = this.#waiting.takeDue(nowMs); due; due = this.#waiting.takeDue(nowMs)) this.#again(due);
    this.#isFreshNext = !this.#isFreshNext;
    return this.#isFreshNext
      ? (this.#shift(this.#fresh) ?? this.#shift(this.#retries))
      : (this.#shift(this.#retries) ?? this.#shift(this.#fresh));
  }

  put(ticket: Ticket, rest: Rest): void {
    switch (rest.at) {
      case "gone":
        this.#leave(ticket);
        return;
      case "ready":
        this.#again(ticket);
        return;
      case "parked":
        return;
      case "due":
        // What waits for its time is not to keep out what is due.
        if (this.#waiting.size < this.#most / 4) this.#await(ticket, rest.dueAt);
        else {
          this.#leave(ticket);
          this.#backlog.leave(rest.dueAt);
        }
    }
  }

  /** What waits for its time waits no longer. Answers how many those are. */
  force(): number {
    const { tickets } = this.#waiting;
    for (const ticket of tickets) this.forceOne(ticket);
    return tickets.length;
  }

  /** `false`: it does not wait for its time. */
  forceOne(ticket: Ticket): boolean {
    if (ticket.at !== "due") return false;
    this.#waiting.remove(ticket);
    ticket.isForced = true;
    this.#again(ticket);
    return true;
  }

  #await(ticket: Ticket, dueAt: number): void {
    ticket.at = "due";
    this.#waiting.add(ticket, dueAt);
  }

  #again(ticket: Ticket): void {
    ticket.at = "ready";
    this.#retries.push(ticket);
  }

  #leave(ticket: Ticket): void {
    ticket.at = "gone";
    this.#tickets.delete(ticket.id);
  }

  #shift(turns: Turns<Ticket>): Ticket | null {
    for (let next = turns.shift(this.#may); next; next = turns.shift(this.#may)) if (next.at === "ready") return next;
    return null;
  }
}
