/**
 * What waits in the spool and is not at hand: looked for piece by piece, as there is room for it. Where more is due than there is
 * room, every sender gets an even part of the room. When the spool cannot say, it is asked again a minute later.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool } from "../contracts/spool.ts";
import { senderOf } from "./envelope-id.ts";

export interface Due {
  readonly id: string;
  readonly dueAt: number;
}

export interface BacklogRoom {
  readonly spool: Pick<Spool, "recovered">;
  readonly clock: Clock;
  readonly log: Log;
}

/** How far ahead the spool is asked. */
const HORIZON_MS = 20 * 60_000;
const FAILED_PAUSE_MS = 60_000;

export class Backlog {
  readonly #room: BacklogRoom;
  /** All that is due before is at hand. */
  #completeUntilMs = 0;
  #notBeforeMs = 0;

  constructor(room: BacklogRoom) {
    this.#room = room;
  }

  /** When something may be due that is not at hand. */
  get lacksFromMs(): number {
    return Math.max(this.#completeUntilMs, this.#notBeforeMs);
  }

  /** A message was left to the spool. */
  leave(dueAt: number): void {
    this.#completeUntilMs = Math.min(this.#completeUntilMs, dueAt);
  }

  /** Up to `room` messages, those that are due first of all. */
  async look(room: number, isAtHand: (id: string) => boolean): Promise<readonly Due[]> {
    const { clock, log, spool } = this.#room;
    const nowMs = clock.now();
    const due = new EvenSample(room);
    const soon: Due[] = [];
    this.#completeUntilMs = nowMs + HORIZON_MS;
    try {
      for await (const { id, dueAt } of spool.recovered(nowMs + HORIZON_MS)) {
        if (isAtHand(id)) continue;
        if (dueAt <= nowMs) due.add({ id, dueAt });
        else if (soon.length < room) soon.push({ id, dueAt });
        else this.leave(dueAt);
      }
    } catch (cause) {
      this.leave(nowMs);
      this.#notBeforeMs = clock.now() + FAILED_PAUSE_MS;
      log.error({ err: cause }, "the spool cannot say what is due; asking again later");
    }
    if (due.isCut) this.leave(nowMs);
    const rest = Math.max(0, room - due.size);
    for (const { dueAt } of soon.slice(rest)) this.leave(dueAt);
    return [...due.all(), ...soon.slice(0, rest)];
  }
}

/** Of more than it can hold it keeps as many from each sender. */
class EvenSample {
  readonly #room: number;
  readonly #bySender = new Map<string, Due[]>();
  /** Those with more than an even part, when they were last counted. */
  #fat: Due[][] = [];
  #size = 0;
  isCut = false;

  constructor(room: number) {
    this.#room = room;
  }

  get size(): number {
    return this.#size;
  }

  add(one: Due): void {
    const sender = senderOf(one.id);
    const known = this.#bySender.get(sender) ?? [];
    if (this.#size >= this.#room) {
      this.isCut = true;
      const part = this.#room / (this.#bySender.size + (known.length === 0 ? 1 : 0));
      if (known.length + 1 > part || !this.#dropOne(part)) return;
    }
    this.#size += 1;
    known.push(one);
    if (known.length === 1) this.#bySender.set(sender, known);
  }

  *all(): Iterable<Due> {
    for (const some of this.#bySender.values()) yield* some;
  }

  #dropOne(part: number): boolean {
    if (this.#fat.length === 0) this.#fat = [...this.#bySender.values()].filter(({ length }) => length > part);
    for (let fat = this.#fat.at(-1); fat; fat = this.#fat.at(-1)) {
      if (fat.length > part) {
        fat.pop();
        this.#size -= 1;
        return true;
      }
      this.#fat.pop();
    }
    return false;
  }
}
