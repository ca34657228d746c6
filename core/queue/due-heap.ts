/** Who is due next: a binary heap of tickets. Each knows its place, so that any of them can be taken out. */
import type { Ticket } from "./ticket.ts";

export class DueHeap {
  readonly #tickets: Ticket[] = [];

  get size(): number {
    return this.#tickets.length;
  }

  /** Milliseconds since 1970; `null` when nobody waits. */
  get nextDueAt(): number | null {
    return this.#tickets[0]?.dueAt ?? null;
  }

  /** In no order. */
  get tickets(): readonly Ticket[] {
    return [...this.#tickets];
  }

  add(ticket: Ticket, dueAt: number): void {
    ticket.dueAt = dueAt;
    this.#rise(ticket, this.#tickets.length);
  }

  /** The ticket that is due first if it is due by then, else `null`. */
  takeDue(untilMs: number): Ticket | null {
    const [first] = this.#tickets;
    if (!first || first.dueAt > untilMs) return null;
    this.remove(first);
    return first;
  }

  /** Nothing happens to a ticket that is not here. */
  remove(ticket: Ticket): void {
    const at = ticket.heapIndex;
    if (at < 0) return;
    ticket.heapIndex = -1;
    const last = this.#tickets.pop();
    if (!last || last === ticket) return;
    const parent = this.#tickets[(at - 1) >> 1];
    if (at > 0 && parent && parent.dueAt > last.dueAt) this.#rise(last, at);
    else this.#sink(last, at);
  }

  #rise(ticket: Ticket, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#tickets[above];
      if (!parent || parent.dueAt <= ticket.dueAt) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(ticket, at);
  }

  #sink(ticket: Ticket, from: number): void {
    let at = from;
    for (;;) {
      const left = this.#tickets[2 * at + 1];
      const right = this.#tickets[2 * at + 2];
      const child = right && left && right.dueAt < left.dueAt ? right : left;
      if (!child || child.dueAt >= ticket.dueAt) break;
      const below = child.heapIndex;
      this.#put(child, at);
      at = below;
    }
    this.#put(ticket, at);
  }

  #put(ticket: Ticket, at: number): void {
    this.#tickets[at] = ticket;
    ticket.heapIndex = at;
  }
}
