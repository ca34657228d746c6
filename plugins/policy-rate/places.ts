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
    for (const { rule, subject } of entries) {
      const lease = await this.#kv.lease(`${this.#name}/${rule.per}/${subject}`, rule.limit);
      if (lease === null) return { rule, subject, counted: rule.limit + 1 };
      if (this.#hasLeft) lease.release();
      else this.#leases.push(lease);
    }
    return null;
  }

  leave(): void {
    this.#hasLeft = true;
    for (const lease of this.#leases.splice(0)) lease.release();
  }
}
