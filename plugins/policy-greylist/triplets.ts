/**
 * What greylisting remembers, in the KeyValue service. A triplet (client network, sender, recipient) has to be seen twice, `delayMs`
 * apart but within `retryWindowMs`; then it passes, and is forgotten `maxAgeMs` after it was last seen. A client network that
 * `autoAllowAfter` triplets have passed from is not asked any more. Rejects when the KeyValue service cannot answer.
 */
import type { Clock, KeyValue, KeyValueSpace } from "postern/plugin";

export interface Times {
  readonly delayMs: number;
  readonly retryWindowMs: number;
  readonly maxAgeMs: number;
  /** 0: never. */
  readonly autoAllowAfter: number;
}

interface Triplet {
  readonly firstMs: number;
  readonly lastMs: number;
}
/** A client network: how many of its triplets have passed, and when that was last written. */
interface Client {
  readonly passed: number;
  readonly lastMs: number;
}

export type Finding =
  | { readonly at: "known client" }
  /** `waitedMs`: it has just passed for the first time. */
  | { readonly at: "passed"; readonly waitedMs: number | null }
  | { readonly at: "waits"; readonly forMs: number; readonly isNew: boolean };

const passedBefore: Finding = { at: "passed", waitedMs: null };

/** So often at most does one client network rise, or have its age renewed. */
const CLIENT_PACE_MS = 3_600_000;

/** So long a worker lets pass without asking what it has let pass. */
const LATELY_MS = 10_000;
const LATELY_COUNT = 4_096;

export class Triplets {
  /** Clients and triplets, and when they were looked up. */
  readonly #lately = new Map<string, number>();
  readonly #times: Times;
  readonly #clock: Clock;
  readonly #triplets: KeyValueSpace<Triplet>;
  readonly #clients: KeyValueSpace<Client>;

  constructor(kv: KeyValue, name: string, clock: Clock, times: Times) {
    this.#times = times;
    this.#clock = clock;
    this.#triplets = kv.space(`${name}/triplets`);
    this.#clients = kv.space(`${name}/clients`);
  }

  see(client: string, sender: string, recipient: string): Finding | Promise<Finding> {
    const nowMs = this.#clock.now();
    // What a client can choose is in the key alone; it is kept as a hash when it is long.
    const key = `${client}/${sender}/${recipient}`;
    return this.#isFresh(key, nowMs) ? passedBefore : this.#lookUp(client, key, nowMs);
  }

  async #lookUp(client: string, key: string, nowMs: number): Promise<Finding> {
    const { delayMs } = this.#times;
    if (this.#isFresh(client, nowMs) || (await this.#isKnown(client))) {
      this.#remember(client, nowMs);
      return { at: "known client" };
    }
    let hadPassed = false;
    let isNew = true;
    if (this.#isSettled(await this.#triplets.get(key), nowMs)) {
      this.#remember(key, nowMs);
      return passedBefore;
    }
    const seen = await this.#triplets.update(key, (held) => {
      hadPassed = held !== null && held.lastMs - held.firstMs >= delayMs;
      const firstMs = this.#firstSeen(held, hadPassed, nowMs);
      isNew = held === null || firstMs === nowMs;
      return { value: { firstMs, lastMs: nowMs }, expiresAtMs: this.#forgottenAt(firstMs, nowMs) };
    });
    const waitedMs = nowMs - (seen?.firstMs ?? nowMs);
    if (waitedMs < delayMs) return { at: "waits", forMs: delayMs - waitedMs, isNew };
    if (hadPassed) return passedBefore;
    await this.#raise(client, nowMs);
    return { at: "passed", waitedMs };
  }

  /** It was let through a moment ago: a client that sends many messages is not looked up for each. */
  #isFresh(key: string, nowMs: number): boolean {
    const atMs = this.#lately.get(key);
    return atMs !== undefined && nowMs >= atMs && nowMs < atMs + LATELY_MS;
  }

  #remember(key: string, nowMs: number): void {
    if (this.#isFresh(key, nowMs)) return;
    if (this.#lately.size >= LATELY_COUNT) this.#lately.clear();
    this.#lately.set(key, nowMs);
  }

  /** It has passed before, and its age was renewed lately: there is nothing to write. */
  #isSettled(held: Triplet | null, nowMs: number): boolean {
    if (held === null || held.lastMs - held.firstMs < this.#times.delayMs) return false;
    const paceMs = Math.min(CLIENT_PACE_MS, this.#times.maxAgeMs / 8);
    return nowMs >= held.lastMs && nowMs < held.lastMs + paceMs;
  }

  #firstSeen(held: Triplet | null, hadPassed: boolean, nowMs: number): number {
    if (held === null) return nowMs;
    const isTooLate = !hadPassed && nowMs - held.firstMs > this.#times.retryWindowMs;
    // The clock may have been set back.
    return isTooLate || held.firstMs > nowMs ? nowMs : held.firstMs;
  }

  #forgottenAt(firstMs: number, nowMs: number): number {
    const { delayMs, retryWindowMs, maxAgeMs } = this.#times;
    return nowMs - firstMs >= delayMs ? nowMs + maxAgeMs : firstMs + retryWindowMs + 1;
  }

  async #isKnown(client: string): Promise<boolean> {
    const { autoAllowAfter } = this.#times;
    if (autoAllowAfter === 0) return false;
    const known = await this.#clients.get(client);
    if (known === null || known.passed < autoAllowAfter) return false;
    const nowMs = this.#clock.now();
    if (this.#isPaced(known, nowMs)) await this.#renew(client, nowMs, 0);
    return true;
  }

  async #raise(client: string, nowMs: number): Promise<void> {
    if (this.#times.autoAllowAfter > 0) await this.#renew(client, nowMs, 1);
  }

  async #renew(client: string, nowMs: number, by: number): Promise<void> {
    await this.#clients.update(client, (held) => {
      if (held !== null && !this.#isPaced(held, nowMs)) return null;
      return { value: { passed: (held?.passed ?? 0) + by, lastMs: nowMs }, expiresAtMs: nowMs + this.#times.maxAgeMs };
    });
  }

  #isPaced({ lastMs }: Client, nowMs: number): boolean {
    return nowMs >= lastMs + CLIENT_PACE_MS || lastMs > nowMs;
  }
}
