/**
 * How many sessions an account may have at a time: in all, and from one address. Counted over all workers; what a worker held that was
 * killed does not count. Rejects when the server's key-value store cannot answer; nothing is held then.
 */
import type { KeyValue, Lease } from "postern/plugin";
import type { Options } from "./options.ts";

/** Ends with the session. Safe to release twice. */
export interface Place {
  release(): void;
}

type Limits = Pick<Options, "maxSessionsPerUser" | "maxSessionsPerUserAddress">;

export class Admission {
  readonly #keyValue: KeyValue;
  readonly #limits: Limits;

  constructor(keyValue: KeyValue, limits: Limits) {
    this.#keyValue = keyValue;
    this.#limits = limits;
  }

  /** `null`: there are as many as there may be. */
  async enter(login: string, address: string): Promise<Place | null> {
    const { maxSessionsPerUser, maxSessionsPerUserAddress } = this.#limits;
    const asked = await Promise.allSettled([
      this.#lease(`access-imap/user/${login}`, maxSessionsPerUser),
      this.#lease(`access-imap/address/${address}/${login}`, maxSessionsPerUserAddress),
    ]);
    const leases = asked.flatMap((one) => (one.status === "fulfilled" && one.value ? [one.value] : []));
    const release = () => {
      for (const lease of leases) lease.release();
    };
    if (leases.length === asked.length) return { release };
    release();
    for (const one of asked) if (one.status === "rejected") throw one.reason;
    return null;
  }

  /** 0: as many as they like. */
  #lease(gauge: string, limit: number): Promise<Lease | null> | Lease {
    return limit === 0 ? unlimited : this.#keyValue.lease(gauge, limit);
  }
}

const unlimited: Lease = { held: 0, release: () => undefined };
