/**
 * What was found out, kept for all workers and over restarts, and asked anew in the background before it is too old, as Postfix's
 * address_verify_map. One question for one address at a time. Rejects only if the store cannot answer.
 */
import type { Address, Clock, KeyValueSpace, Log } from "postern/plugin";
import type { Finding } from "./call-out.ts";

/** As it is stored. */
export interface KeptFinding {
  readonly isGood: boolean;
  readonly reply: string | null;
  readonly askedAtMs: number;
}

export interface Ages {
  readonly positiveExpiryMs: number;
  readonly positiveRefreshMs: number;
  readonly negativeExpiryMs: number;
  readonly negativeRefreshMs: number;
}

export interface KeptOptions {
  readonly space: KeyValueSpace<KeptFinding>;
  readonly ask: (address: Address, signal: AbortSignal) => Promise<Finding>;
  readonly ages: Ages;
  /** How long a client is kept waiting. */
  readonly waitMs: number;
  /** How long the whole question may take; it goes on when nobody waits any more. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const ASKING_LIMIT = 2_000;
// Nobody knows: that is not kept, but neither is it asked again for each recipient of a burst.
const UNKNOWN_MS = 60_000;

export class VerdictsKept {
  readonly #options: KeptOptions;
  readonly #asking = new Map<string, Promise<Finding>>();
  readonly #unknown = new Map<string, { readonly finding: Finding; readonly untilMs: number }>();
  /** Calls off what is being asked. Not AbortSignal.any: a signal that lives as long as the plugin would remember each question. */
  readonly #running = new Set<AbortController>();
  #isClosed = false;

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  async find(address: Address): Promise<Finding> {
    const { space, clock, ages, waitMs } = this.#options;
    const key = String(address).toLowerCase();
    const kept = await space.get(key);
    if (kept === null) return this.#within(waitMs, this.#ask(key, address));
    const refreshMs = kept.isGood ? ages.positiveRefreshMs : ages.negativeRefreshMs;
    if (clock.now() - kept.askedAtMs >= refreshMs) void this.#ask(key, address);
    return kept.isGood ? { at: "good" } : { at: "bad", reply: kept.reply ?? "" };
  }

  /** Calls off what is being asked; resolves when nothing is written any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const running of this.#running) running.abort();
    await Promise.all(this.#asking.values());
  }

  #ask(key: string, address: Address): Promise<Finding> {
    const asking = this.#asking.get(key);
    if (asking) return asking;
    const recent = this.#unknown.get(key);
    if (recent && recent.untilMs > this.#options.clock.now()) return Promise.resolve(recent.finding);
    if (this.#asking.size >= ASKING_LIMIT || this.#isClosed)
      return Promise.resolve({ at: "unknown", reason: "too many questions at once" });
    const asked = this.#askAndKeep(key, address).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #askAndKeep(key: string, address: Address): Promise<Finding> {
    const { space, clock, ages, log } = this.#options;
    const finding = await this.#askInTime(address);
    log.debug({ address: key, ...finding }, "asked whether an address exists");
    this.#unknown.delete(key);
    if (finding.at === "unknown") {
      this.#forgetOldest();
      this.#unknown.set(key, { finding, untilMs: clock.now() + UNKNOWN_MS });
      return finding;
    }
    const nowMs = clock.now();
    const isGood = finding.at === "good";
    const value = { isGood, reply: finding.at === "bad" ? finding.reply.slice(0, 500) : null, askedAtMs: nowMs };
    const expiresAtMs = nowMs + (isGood ? ages.positiveExpiryMs : ages.negativeExpiryMs);
    try {
      await space.update(key, () => ({ value, expiresAtMs }));
    } catch (cause) {
      log.warn({ address: key, cause: String(cause) }, "what was found out could not be kept");
    }
    return finding;
  }

  async #askInTime(address: Address): Promise<Finding> {
    const { ask, timeoutMs } = this.#options;
    const running = new AbortController();
    const timer = setTimeout(() => running.abort(), timeoutMs);
    this.#running.add(running);
    try {
      return await ask(address, running.signal);
    } finally {
      clearTimeout(timer);
      this.#running.delete(running);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#unknown.keys().next();
    if (this.#unknown.size >= ASKING_LIMIT && !oldest.done) this.#unknown.delete(oldest.value);
  }

  #within(timeMs: number, asked: Promise<Finding>): Promise<Finding> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve({ at: "unknown", reason: "still being asked" }), timeMs);
      asked.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}
