/**
 * Who may deliver now: so many in all, and to each destination (concurrency key) as many as it bears and its rate allows. Destinations
 * take turns, and within one the senders do. A destination that is far behind says so: what can do nothing but wait for it is
 * parked, so that it does not fill the memory that others need. One that is dead turns everybody away until its time has come. What was
 * learned of a destination is forgotten an hour after its last use.
 */
import type { Clock } from "../contracts/clock.ts";
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Log } from "../contracts/log.ts";
import type { Alarm } from "./alarm.ts";
import type { DestinationLimits } from "./destination-limits.ts";
import { Fifo } from "./fifo.ts";
import { Lane, type Turn, type WaitingDelivery } from "./lane.ts";
import { replyText } from "./outcome.ts";
import { Shares } from "./shares.ts";
import { type Feedback, type StandingRoom, silent } from "./standing.ts";
import type { Ticket } from "./ticket.ts";
import type { Waiting } from "./turns.ts";

export interface LanesRoom {
  readonly clock: Clock;
  readonly alarm: Alarm;
  readonly log: Log;
  /** Deliveries at a time. */
  readonly inAll: number;
  /** Deliveries that may wait for one key before messages are parked. */
  readonly waitingPerKey: number;
  /** Messages that may be parked, whatever their key; beyond that, so many for each key, so that several cannot fill the memory. */
  readonly parkedFreely: number;
  readonly parkedPerKey: number;
  /** When what cannot even be parked comes again. */
  readonly putOff: { readonly leastMs: number; readonly mostMs: number };
  readonly standing: StandingRoom;
  /** Told of a parked message that may come back. */
  readonly unpark: (ticket: Ticket) => void;
}

export interface LaneRequest extends Waiting {
  readonly key: string;
  readonly recipients: number;
  /** Asked for a key that nothing is known of. */
  readonly limits: () => DestinationLimits;
  /** Given a way to end the waiting, where there is some. */
  readonly onWait: (cut: () => void) => void;
}

/** `full`: too many wait already. */
export type LaneState =
  | { readonly at: "open" | "full" }
  | { readonly at: "dead"; readonly untilMs: number; readonly reply: RemoteReply | null };
const open: LaneState = { at: "open" };
const full: LaneState = { at: "full" };

const RESTING_LIMIT = 10_000;
const IDLE_LIMIT = 100;
const REST_MS = 60 * 60_000;
const UNPARKED_AT_ONCE = 32;

export class Lanes {
  readonly #room: LanesRoom;
  /** In use, or lately. */
  readonly #lanes = new Map<string, Lane>();
  /** Not in use, and not forgotten; who rested longest stands first. */
  readonly #resting = new Map<string, Lane>();
  readonly #rotation = new Fifo<Lane>();
  readonly #shares: Shares;
  readonly #dead = new Set<Lane>();
  #parked = 0;
  #isStopped = false;

  constructor(room: LanesRoom) {
    this.#room = room;
    this.#shares = new Shares(room.inAll);
  }

  get active(): number {
    return this.#shares.active;
  }

  get parked(): number {
    return this.#parked;
  }

  /** Destinations that something is known of. */
  get known(): number {
    return this.#lanes.size + this.#resting.size;
  }

  state(key: string, who: Waiting): LaneState {
    const lane = this.#lanes.get(key) ?? this.#resting.get(key);
    if (!lane) return open;
    const { standing } = lane;
    if (standing.isDead(this.#room.clock.now()))
      return { at: "dead", untilMs: standing.deadUntilMs, reply: standing.lastReply };
    return lane.waiting.isCrowded(who, this.#room.waitingPerKey) ? full : open;
  }

  /** Runs `work` when its turn comes. Rejects as the work does. */
  async run(request: LaneRequest, work: () => Promise<Feedback>): Promise<Turn> {
    if (this.#isStopped) return "cut";
    const { clock } = this.#room;
    const lane = this.#use(request);
    if (lane.standing.isDead(clock.now())) {
      this.#tend(lane);
      return "dead";
    }
    const mayGo = lane.hasRoom && lane.waiting.size === 0 && this.#shares.may(request) && this.#isInTime(lane);
    if (mayGo) this.#begin(lane, request);
    else {
      const turn = await this.#wait(lane, request);
      if (turn !== "go") return turn;
    }
    const { epoch } = lane.standing;
    let feedback: Feedback = silent;
    try {
      feedback = await work();
      return "go";
    } finally {
      const isFull = lane.active >= lane.standing.width;
      lane.end(clock.now());
      this.#shares.give(request);
      this.#hear(lane, feedback, { epoch, isFull });
      this.#tend(lane);
      this.#go();
    }
  }

  /** What runs goes on; what waits is told that its turn will not come. */
  stop(): void {
    this.#isStopped = true;
    for (const lane of this.#lanes.values()) {
      lane.callOffPause?.();
      this.#tellAll(lane, "cut");
    }
  }

  /** Only for a key whose lane is full. Answers when the message is to come again, or `null`: it is parked. */
  park(key: string, ticket: Ticket): number | null {
    const { clock, parkedFreely, parkedPerKey, putOff } = this.#room;
    const lane = this.#lanes.get(key);
    if (!lane) return clock.now();
    if (this.#parked >= parkedFreely && lane.parked.isCrowded(ticket, parkedPerKey))
      return lane.nextSlotMs(clock.now(), putOff);
    lane.parked.push(ticket);
    ticket.at = "parked";
    this.#parked += 1;
    return null;
  }

  /** Whoever is dead gets a probe at the next occasion. */
  lift(): void {
    for (const { standing } of this.#dead) standing.lift();
    this.#dead.clear();
  }

  #use({ key, limits }: LaneRequest): Lane {
    const used = this.#lanes.get(key);
    if (used) return used;
    const { clock, standing } = this.#room;
    const lane = this.#resting.get(key) ?? new Lane(key, limits(), standing, clock.now());
    this.#resting.delete(key);
    this.#lanes.set(key, lane);
    return lane;
  }

  #begin(lane: Lane, request: Waiting & { readonly recipients: number }): void {
    lane.begin(request, this.#room.clock.now());
    this.#shares.take(request);
  }

  #wait(lane: Lane, { sender, priority, recipients, onWait }: LaneRequest): Promise<Turn> {
    return new Promise<Turn>((tell) => {
      const waiting: WaitingDelivery = { sender, priority, recipients, tell };
      lane.waiting.push(waiting);
      this.#list(lane);
      onWait(() => {
        const told = waiting.tell;
        waiting.tell = null;
        told?.("cut");
        this.#go();
      });
    });
  }

  #hear(lane: Lane, feedback: Feedback, began: { readonly epoch: number; readonly isFull: boolean }): void {
    const { clock, log } = this.#room;
    const change = lane.standing.hear(feedback, began, clock.now());
    if (change === "revived") {
      this.#dead.delete(lane);
      log.info({ destination: lane.key }, "destination takes mail again");
    }
    if (change !== "died") return;
    this.#dead.add(lane);
    const { deadUntilMs, lastReply } = lane.standing;
    log.warn(
      {
        destination: lane.key,
        reply: lastReply && replyText(lastReply),
        host: lastReply?.host,
        retryInS: Math.round((deadUntilMs - clock.now()) / 1_000),
        waiting: lane.waiting.size + lane.parked.size,
      },
      "destination takes no mail, what waits for it is put off",
    );
    this.#tellAll(lane, "dead");
    this.#unpark(lane, Number.POSITIVE_INFINITY);
  }

  #tellAll(lane: Lane, turn: Turn): void {
    for (let next = lane.waiting.shift(anybody); next; next = lane.waiting.shift(anybody)) next.tell?.(turn);
  }

  #list(lane: Lane): void {
    if (lane.isListed || lane.waiting.size === 0 || !lane.hasRoom) return;
    lane.isListed = true;
    this.#rotation.push(lane);
  }

  /** `false`: its rate keeps the lane waiting, and it will be looked at again when that is over. */
  #isInTime(lane: Lane): boolean {
    const waitMs = lane.waitMs(this.#room.clock.now());
    if (waitMs === 0) return true;
    lane.callOffPause ??= this.#room.alarm(waitMs, () => {
      lane.callOffPause = null;
      this.#list(lane);
      this.#go();
    });
    return false;
  }

  #go(): void {
    for (let left = this.#rotation.size; left > 0 && this.#mayGo; left -= 1) {
      const lane = this.#rotation.shift();
      if (!lane) return;
      lane.isListed = false;
      const tell = this.#next(lane);
      this.#list(lane);
      this.#rest(lane);
      if (!tell) continue;
      // Somebody may be let go now who was not before, or stands behind.
      left = this.#rotation.size + 1;
      tell("go");
    }
  }

  get #mayGo(): boolean {
    return !this.#isStopped && this.#shares.active < this.#room.inAll;
  }

  #next(lane: Lane): ((turn: Turn) => void) | null {
    if (!lane.hasRoom || lane.waiting.size === 0 || !this.#isInTime(lane)) return null;
    for (;;) {
      const next = lane.waiting.shift((one) => one.tell === null || this.#shares.may(one));
      if (!next) return null;
      const { tell } = next;
      if (!tell) continue;
      next.tell = null;
      this.#begin(lane, next);
      return tell;
    }
  }

  /** After a change: the next ones, those who were parked, or rest. */
  #tend(lane: Lane): void {
    this.#list(lane);
    const isWaking = lane.active > 0 || lane.waiting.size > 0;
    // A few at a time keep the lane busy: they come back through the queue. Nobody else would wake the rest of an idle lane.
    this.#unpark(lane, isWaking ? UNPARKED_AT_ONCE : Number.POSITIVE_INFINITY);
    this.#rest(lane);
  }

  #unpark(lane: Lane, most: number): void {
    if (this.#isStopped || lane.waiting.size >= this.#room.waitingPerKey / 2) return;
    for (let left = most; left > 0; left -= 1) {
      const ticket = lane.parked.shift(anybody);
      if (!ticket) return;
      this.#parked -= 1;
      if (ticket.at === "parked") this.#room.unpark(ticket);
    }
  }

  #rest(lane: Lane): void {
    if (!lane.isIdle || lane.callOffPause !== null || lane.isListed) return;
    const nowMs = this.#room.clock.now();
    const isForgettable = lane.isForgettable(nowMs);
    // A few that are as good as new stay, so that they need not be made again and again.
    if (isForgettable && this.#lanes.size <= IDLE_LIMIT) return;
    if (!this.#lanes.delete(lane.key) || isForgettable) return;
    lane.restsSinceMs = nowMs;
    this.#resting.set(lane.key, lane);
    for (const [key, one] of this.#resting) {
      const isOld = one.restsSinceMs + REST_MS < nowMs && !one.standing.isDead(nowMs);
      if (!isOld && this.#resting.size <= RESTING_LIMIT) return;
      this.#resting.delete(key);
      this.#dead.delete(one);
    }
  }
}

const anybody = () => true;
