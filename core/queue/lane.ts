/** One destination (concurrency key): who delivers there, who waits for it, and what is known of it. */
import type { DestinationLimits } from "./destination-limits.ts";
import { Standing, type StandingRoom } from "./standing.ts";
import type { Ticket } from "./ticket.ts";
import { TokenBucket } from "./token-bucket.ts";
import { Turns, type Waiting } from "./turns.ts";

/** `go`: its turn has come. `cut`: it never comes. `dead`: nobody is there. */
export type Turn = "go" | "cut" | "dead";

export interface WaitingDelivery extends Waiting {
  readonly recipients: number;
  /** `null`: it has been told. */
  tell: ((turn: Turn) => void) | null;
}

/** How quickly the estimate of a lane's pace follows what happens. */
const PACE_PART = 1 / 8;

export class Lane {
  readonly key: string;
  readonly standing: Standing;
  readonly waiting = new Turns<WaitingDelivery>();
  readonly parked = new Turns<Ticket>();
  active = 0;
  /** Stands in the rotation. */
  isListed = false;
  /** `null`: its rate does not keep it waiting. */
  callOffPause: (() => void) | null = null;
  restsSinceMs = 0;
  readonly #messages: TokenBucket | null;
  readonly #recipients: TokenBucket | null;
  #lastEndMs: number | null = null;
  #intervalMs = 0;
  #nextSlotMs = 0;

  constructor(key: string, limits: DestinationLimits, room: StandingRoom, nowMs: number) {
    this.key = key;
    this.standing = new Standing(room, limits);
    this.#messages = limits.messages ? new TokenBucket(limits.messages, nowMs) : null;
    this.#recipients = limits.recipients ? new TokenBucket(limits.recipients, nowMs) : null;
  }

  get hasRoom(): boolean {
    return this.active < this.standing.width && this.callOffPause === null;
  }

  get isIdle(): boolean {
    return this.active === 0 && this.waiting.size === 0 && this.parked.size === 0;
  }

  /** Until its rate lets the next one go; 0: now. */
  waitMs(nowMs: number): number {
    if (!this.#messages && !this.#recipients) return 0;
    return Math.max(this.#messages?.waitMs(nowMs) ?? 0, this.#recipients?.waitMs(nowMs) ?? 0);
  }

  begin({ recipients }: { readonly recipients: number }, nowMs: number): void {
    this.active += 1;
    this.#messages?.take(1, nowMs);
    this.#recipients?.take(recipients, nowMs);
  }

  end(nowMs: number): void {
    this.active -= 1;
    if (this.#lastEndMs !== null) this.#intervalMs += (nowMs - this.#lastEndMs - this.#intervalMs) * PACE_PART;
    // A pause in which nobody waited says nothing about the pace.
    this.#lastEndMs = this.waiting.size > 0 ? nowMs : null;
  }

  /** When a message that finds no room here is to come again: as many intervals from now as are before it. */
  nextSlotMs(nowMs: number, bounds: { readonly leastMs: number; readonly mostMs: number }): number {
    const afterThose = nowMs + (this.waiting.size + this.parked.size) * this.#intervalMs;
    const slotMs = Math.max(this.#nextSlotMs, afterThose) + this.#intervalMs;
    this.#nextSlotMs = Math.min(Math.max(slotMs, nowMs + bounds.leastMs), nowMs + bounds.mostMs);
    return Math.round(this.#nextSlotMs);
  }

  /** Whether there is anything to remember while nobody uses it. */
  isForgettable(nowMs: number): boolean {
    return (
      this.standing.isPlain && (this.#messages?.isFull(nowMs) ?? true) && (this.#recipients?.isFull(nowMs) ?? true)
    );
  }
}
