/**
 * Open connections that wait for the next message, by everything that makes two of them different. Bounded in number, time and uses; one that
 * the host ends, or that says anything, is gone at once. The one that was used last goes first, so that what is too many falls idle.
 */
import type { Clock } from "../contracts/clock.ts";
import type { OutboundReuse } from "../contracts/outbound.ts";
import type { OpenConnection } from "./opening.ts";

/** A connection between its messages. */
export interface Kept extends OpenConnection {
  readonly openedAt: number;
  /** Transactions so far. */
  uses: number;
  /** Something of the last transaction may be left. */
  needsReset: boolean;
  idleSince: number;
}

const IDLE_MS = 5_000;
const USES_LIMIT = 1_000;
const AGE_LIMIT_MS = 5 * 60_000;
const CONNECTIONS_LIMIT = 500;
const PER_KEY_LIMIT = 100;
const LOOK_EVERY_MS = 1_000;

interface Idle {
  readonly connection: Kept;
  readonly key: string;
  readonly until: number;
}

export class ConnectionCache {
  readonly #clock: Clock;
  readonly #idle = new Map<string, Idle[]>();
  #size = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One to any of these addresses; `null` if there is none. */
  take(key: string, addresses: readonly string[]): Kept | null {
    const idle = this.#idle.get(key);
    const now = this.#clock.now();
    for (let at = (idle?.length ?? 0) - 1; idle !== undefined && at >= 0; at -= 1) {
      const one = idle[at];
      if (one === undefined || one.until <= now || !addresses.includes(one.connection.address)) continue;
      if (!one.connection.wire.isQuiet) continue; // it has begun to say something
      this.#remove(one);
      return one.connection;
    }
    return null;
  }

  /** Keeps it, or says good-bye where it has served long enough. */
  put(
    key: string,
    connection: Kept,
    { idleMs = IDLE_MS, maxUses = USES_LIMIT, maxAgeMs = AGE_LIMIT_MS }: OutboundReuse,
  ): void {
    const { wire, features, uses, openedAt } = connection;
    const now = this.#clock.now();
    const list = this.#idle.get(key) ?? [];
    const isSpent = uses >= Math.min(maxUses, features.limits.mails) || now - openedAt >= maxAgeMs; // RFC 9422 4.1
    const isFull = this.#size >= CONNECTIONS_LIMIT || list.length >= PER_KEY_LIMIT;
    if (this.#isClosed || isSpent || isFull || idleMs <= 0 || !wire.isQuiet) {
      wire.quit();
      return;
    }
    connection.idleSince = now;
    const idle: Idle = { connection, key, until: Math.min(now + idleMs, openedAt + maxAgeMs) };
    wire.onBroken = () => this.#remove(idle);
    list.push(idle);
    this.#idle.set(key, list);
    this.#size += 1;
    this.#timer ??= setInterval(() => this.#endOld(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    this.#isClosed = true;
    for (const idle of [...this.#idle.values()].flat()) this.#end(idle);
  }

  #endOld(): void {
    const now = this.#clock.now();
    for (const idle of [...this.#idle.values()].flat()) if (idle.until <= now) this.#end(idle);
  }

  #end(idle: Idle): void {
    this.#remove(idle);
    idle.connection.wire.quit();
  }

  #remove(idle: Idle): void {
    const list = this.#idle.get(idle.key);
    const at = list?.lastIndexOf(idle) ?? -1;
    if (list === undefined || at < 0) return;
    idle.connection.wire.onBroken = () => {};
    list.splice(at, 1);
    this.#size -= 1;
    if (list.length === 0) this.#idle.delete(idle.key);
    if (this.#size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
