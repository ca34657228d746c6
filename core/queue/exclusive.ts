/**
 * Changes to single messages, each while nobody else is at work on it: a try under way is recalled and waited for. Whatever happens, the
 * message goes on from where it was or from where the change says.
 */
import type { AtHand } from "./at-hand.ts";
import { gone, type Rest, ready } from "./rest.ts";
import type { Ticket } from "./ticket.ts";

export interface ChangeResult<T> {
  readonly is: T;
  /** What becomes of the message now. */
  readonly rest: Rest;
}

export interface ExclusiveRoom {
  readonly atHand: AtHand;
  readonly isStopped: () => boolean;
  /** Out of memory: it is read back when it is wanted. */
  readonly unload: (ticket: Ticket) => void;
  readonly put: (ticket: Ticket, rest: Rest) => void;
  /** A change has ended. */
  readonly ended: () => void;
}

export class Exclusive {
  readonly #room: ExclusiveRoom;
  readonly #ends = new Map<string, (() => void)[]>();
  #running = 0;

  constructor(room: ExclusiveRoom) {
    this.#room = room;
  }

  get running(): number {
    return this.#running;
  }

  /** Rejects as `change` does: the message is then what it was before. */
  async run<T>(id: string, change: (ticket: Ticket, before: Rest) => Promise<ChangeResult<T>>): Promise<T> {
    const { atHand, isStopped, unload, put, ended } = this.#room;
    for (let busy = this.#busy(id); busy; busy = this.#busy(id)) {
      busy.recall();
      await new Promise<void>((end) => {
        this.#ends.set(id, [...(this.#ends.get(id) ?? []), end]);
      });
    }
    if (isStopped()) throw new Error("the queue has ended");
    const before = restOf(atHand.get(id));
    const ticket = atHand.claim(id, "active");
    ticket.rests();
    unload(ticket);
    this.#running += 1;
    let rest = before;
    try {
      const result = await change(ticket, before);
      rest = result.rest;
      return result.is;
    } finally {
      this.#running -= 1;
      put(ticket, rest);
      this.letGo(id);
      ended();
    }
  }

  /** Somebody's work on a message has ended: whoever waits for that goes on. */
  letGo(id: string): void {
    const ends = this.#ends.get(id);
    if (!ends) return;
    this.#ends.delete(id);
    for (const end of ends) end();
  }

  #busy(id: string): Ticket | null {
    const ticket = this.#room.atHand.get(id);
    return ticket?.at === "active" || ticket?.at === "expected" ? ticket : null;
  }
}

function restOf(ticket: Ticket | undefined): Rest {
  if (!ticket) return gone;
  return ticket.at === "due" ? { at: "due", dueAt: ticket.dueAt } : ready;
}
