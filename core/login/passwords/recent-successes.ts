/**
 * Logins that succeeded a short while ago: a mail program that connects again and again does not pay for the hash each time.
 * Keeps no password, only an HMAC under a key that the process made for itself; bounded; void as soon as the directory
 * stores another secret. Failures are not kept.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../../contracts/clock.ts";

export interface RecentSuccessesOptions {
  readonly clock: Clock;
  readonly ttlMs?: number;
  readonly entries?: number;
}

export class RecentSuccesses {
  readonly #key = randomBytes(32);
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #limit: number;
  /** In the order in which they were added. */
  readonly #kept = new Map<string, { readonly secret: string; readonly until: number }>();

  constructor(options: RecentSuccessesOptions) {
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs ?? 300_000;
    this.#limit = options.entries ?? 10_000;
  }

  has(login: string, password: string, secret: string): boolean {
    const key = this.#keyOf(login, password);
    const kept = this.#kept.get(key);
    if (!kept) return false;
    if (kept.secret === secret && kept.until > this.#clock.now()) return true;
    this.#kept.delete(key);
    return false;
  }

  add(login: string, password: string, secret: string): void {
    const key = this.#keyOf(login, password);
    this.#kept.delete(key);
    this.#kept.set(key, { secret, until: this.#clock.now() + this.#ttlMs });
    if (this.#kept.size <= this.#limit) return;
    const oldest = this.#kept.keys().next();
    if (!oldest.done) this.#kept.delete(oldest.value);
  }

  /** No login contains a NUL, so the two cannot be shifted into each other. */
  #keyOf(login: string, password: string): string {
    return createHmac("sha256", this.#key).update(`${login}\0${password}`).digest("base64");
  }
}
