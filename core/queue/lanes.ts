/**
 * Who may deliver now: bounded deliveries in all and to each destination (concurrency key). Keys take turns, and within one key
 * the first to come is the first to go. A destination that is far behind says so, and messages that can do nothing but wait for
 * it are parked by their ids, so that they do not fill the memory that others need.
 */
import { Fifo } from "./fifo.ts";

interface Lane {
  readonly key: string;
  readonly limit: number;
  active: number;
  readonly waiting: Fifo<(mayRun: boolean) => void>;
  readonly parked: Fifo<string>;
  /** Stands in the rotation. */
  isListed: boolean;
}

export interface LaneLimits {
  readonly inAll: number;
  /** Deliveries that may wait for one key before messages are parked. */
  readonly waitingPerKey: number;
}

export class Lanes {
  readonly #limits: LaneLimits;
  readonly #lanes = new Map<string, Lane>();
  readonly #rotation = new Fifo<Lane>();
  readonly #unpark: (id: string) => void;
  #active = 0;
  #parked = 0;
  #isStopped = false;

  constructor(limits: LaneLimits, unpark: (id: string) => void) {
    this.#limits = limits;
    this.#unpark = unpark;
  }

  get active(): number {
    return this.#active;
  }

  get parked(): number {
    return this.#parked;
  }

  /**
   * Runs `work` when its turn comes; `false` if it never came. Rejects as the work does. `limit` counts for a key that is not in
   * use yet.
   */
  async run(key: string, limit: number, work: () => Promise<void>): Promise<boolean> {
    if (this.#isStopped) return false;
    const lane = this.#lane(key, limit);
    if (lane.active >= lane.limit || this.#active >= this.#limits.inAll || lane.waiting.size > 0) {
      const mayRun = await new Promise<boolean>((go) => {
        lane.waiting.push(go);
        this.#list(lane);
      });
      if (!mayRun) return false;
    } else {
      lane.active += 1;
      this.#active += 1;
    }
    try {
      await work();
      return true;
    } finally {
      lane.active -= 1;
      this.#active -= 1;
      this.#list(lane);
      this.#go();
      this.#unparkSome(lane);
      if (lane.active === 0 && lane.waiting.size === 0 && lane.parked.size === 0) this.#lanes.delete(key);
    }
  }

  /** What runs goes on; what waits is told that its turn will not come. */
  stop(): void {
    this.#isStopped = true;
    for (const { waiting } of this.#lanes.values()) {
      for (let go = waiting.shift(); go; go = waiting.shift()) go(false);
    }
  }

  isCongested(key: string): boolean {
    const lane = this.#lanes.get(key);
    return lane !== undefined && lane.waiting.size >= this.#limits.waitingPerKey;
  }

  /** Only for a key that is congested: `unpark` is told when it is no longer. */
  park(key: string, id: string): void {
    this.#lanes.get(key)?.parked.push(id);
    this.#parked += 1;
  }

  #lane(key: string, limit: number): Lane {
    const known = this.#lanes.get(key);
    if (known) return known;
    const lane: Lane = { key, limit, active: 0, waiting: new Fifo(), parked: new Fifo(), isListed: false };
    this.#lanes.set(key, lane);
    return lane;
  }

  #list(lane: Lane): void {
    if (lane.isListed || lane.waiting.size === 0 || lane.active >= lane.limit) return;
    lane.isListed = true;
    this.#rotation.push(lane);
  }

  #go(): void {
    while (!this.#isStopped && this.#active < this.#limits.inAll) {
      const lane = this.#rotation.shift();
      if (!lane) return;
      lane.isListed = false;
      const go = lane.active < lane.limit ? lane.waiting.shift() : undefined;
      if (!go) continue;
      lane.active += 1;
      this.#active += 1;
      this.#list(lane);
      go(true);
    }
  }

  #unparkSome(lane: Lane): void {
    if (this.#isStopped) return;
    const isIdle = lane.active === 0 && lane.waiting.size === 0;
    while (lane.parked.size > 0 && lane.waiting.size < this.#limits.waitingPerKey / 2) {
      const id = lane.parked.shift();
      if (id === undefined) return;
      this.#parked -= 1;
      this.#unpark(id);
      // A few at a time keep the lane busy: they come back through the queue. Nobody else would wake the rest of an idle lane.
      if (!isIdle && lane.parked.size % UNPARKED_AT_ONCE === 0) return;
    }
  }
}

const UNPARKED_AT_ONCE = 32;
