/**
 * What we think of one destination: how many deliveries at a time it bears, and whether it is there at all. Success lets it have more,
 * failures that speak of it less; after several in a row, and nothing between them, it counts as dead for a while. Then one
 * delivery alone finds out whether it still is: a probe.
 */
import type { RemoteReply } from "../contracts/delivery.ts";
import { type RetrySchedule, retryDelayMs } from "./retry-schedule.ts";

/** What one delivery says of its destination. `falters`: some got through. `silent`: nothing, the fault was elsewhere. */
export type Feedback =
  | { readonly at: "works" | "silent" }
  | { readonly at: "falters" | "fails"; readonly reply: RemoteReply };
export const works: Feedback = { at: "works" };
export const silent: Feedback = { at: "silent" };

export interface StandingLimits {
  /** Deliveries at a time: in the beginning, and at the most. */
  readonly startConcurrency: number;
  readonly maxConcurrency: number;
}

export interface StandingRoom {
  /** Failures in a row. */
  readonly deadAfter: number;
  /** How long it is dead, from the first time on. */
  readonly schedule: RetrySchedule;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export type StandingChange = "died" | "revived" | null;

export class Standing {
  readonly #room: StandingRoom;
  readonly #limits: StandingLimits;
  #width: number;
  #failures = 0;
  #deaths = 0;
  #deadUntilMs = 0;
  /** Deliveries that began before the last change of mind do not count twice. */
  #epoch = 0;
  #diedInEpoch = 0;
  lastReply: RemoteReply | null = null;

  constructor(room: StandingRoom, limits: StandingLimits) {
    this.#room = room;
    this.#limits = limits;
    this.#width = this.#start;
  }

  get #start(): number {
    return Math.min(this.#limits.startConcurrency, this.#limits.maxConcurrency);
  }

  /** Deliveries at a time. */
  get width(): number {
    return this.#deaths > 0 ? 1 : Math.floor(this.#width);
  }

  /** To be handed back with the feedback of what begins now. */
  get epoch(): number {
    return this.#epoch;
  }

  get deadUntilMs(): number {
    return this.#deadUntilMs;
  }

  isDead(nowMs: number): boolean {
    return nowMs < this.#deadUntilMs;
  }

  /** Nothing worth remembering. */
  get isPlain(): boolean {
    return this.#deaths === 0 && this.#failures === 0 && Math.floor(this.#width) === this.#start;
  }

  /** The next delivery is a probe, whatever time was planned. */
  lift(): void {
    this.#deadUntilMs = 0;
  }

  /** `isFull`: there were as many deliveries as there may be. */
  hear(feedback: Feedback, began: { readonly epoch: number; readonly isFull: boolean }, nowMs: number): StandingChange {
    switch (feedback.at) {
      case "silent":
        return null;
      case "works":
        return this.#works(began.isFull);
      case "falters":
        this.lastReply = feedback.reply;
        this.#shrink(began.epoch);
        return this.#works(false);
      case "fails":
        return this.#fails(feedback.reply, began.epoch, nowMs);
    }
  }

  #works(isFull: boolean): StandingChange {
    const wasDead = this.#deaths > 0;
    this.#failures = 0;
    this.#deaths = 0;
    this.#deadUntilMs = 0;
    if (wasDead) this.#width = this.#start;
    else if (isFull) this.#width = Math.min(this.#limits.maxConcurrency, this.#width + 1 / this.#width);
    return wasDead ? "revived" : null;
  }

  #fails(reply: RemoteReply, epoch: number, nowMs: number): StandingChange {
    if (this.isDead(nowMs) || epoch < this.#diedInEpoch) return null;
    this.lastReply = reply;
    this.#failures += 1;
    this.#shrink(epoch);
    if (this.#deaths === 0 && this.#failures < this.#room.deadAfter) return null;
    this.#deaths += 1;
    this.#failures = 0;
    this.#epoch += 1;
    this.#diedInEpoch = this.#epoch;
    this.#deadUntilMs = nowMs + retryDelayMs(this.#room.schedule, this.#deaths, this.#room.random());
    return "died";
  }

  /** Once for all that were under way together. */
  #shrink(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#epoch += 1;
    this.#width = Math.max(1, this.#width / 2);
  }
}
