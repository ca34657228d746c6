/**
 * Live connections of one subject, as leases of the KeyValue service: they end with the connection, or with the worker that held
 * it. A client that leaves while it is being counted leaves nothing behind.
 */
import type { KeyValue, Lease } from "postern/plugin";
import type { Entry, Excess } from "./ledger.ts";

export class Places {
  readonly #kv: KeyValue;
  readonly #name: string;
  readonly #leases: Lease[] = [];
  #hasLeft = false;

  constructor(kv: KeyValue, name: string) {
    this.#kv = kv;
    this.#name = name;
  }

  /** Answers the first rule that says no. What was taken before it stays until the client leaves, which is at once. */
  async take(entries: readonly Entry[]): Promise<Excess | null> {
    // XCLIENT has put another client in the place of the one before.
    this.#releaseAll();
    for (const [gauge, { rule, subject }] of strictest(entries)) {
      const lease = await this.#kv.lease(`${this.#name}/${gauge}`, rule.limit);
      if (lease === null) return { rule, subject, counted: rule.limit + 1 };
      if (this.#hasLeft) lease.release();
      else this.#leases.push(lease);
    }
    return null;
  }

  leave(): void {
    this.#hasLeft = true;
    this.#releaseAll();
  }

  #releaseAll(): void {
    for (const lease of this.#leases.splice(0)) lease.release();
  }
}

/** One connection takes one place of a gauge, however many rules look at it. */
function strictest(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const gauges = new Map<string, Entry>();
  for (const entry of entries) {
    const gauge = `${entry.rule.per}/${entry.subject}`;
    const held = gauges.get(gauge);
    if (held === undefined || entry.rule.limit < held.rule.limit) gauges.set(gauge, entry);
  }
  return gauges;
}
