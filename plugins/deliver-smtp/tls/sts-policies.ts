/**
 * Policies of MTA-STS (RFC 8461), kept for all workers. One that was seen counts until it is too old, whatever becomes of its record or its
 * server; a new one is fetched when the record changes, and in the background before the old one ends. Rejects when what is kept
 * cannot be read: the delivery waits then.
 */
import type { Clock, KeyValueSpace, Log, Resolver } from "postern/plugin";
import { fetchStsPolicy, type StsFetchOptions } from "./sts-fetch.ts";
import { readStsPolicy, readStsRecord, type StsFailure, type StsPolicy } from "./sts-policy.ts";

export interface StsAnswer {
  readonly policy: StsPolicy | null;
  /** There should be one, or a newer one, and it could not be had. */
  readonly failure: StsFailure | null;
}

/** What stands in the KeyValue, by domain. */
export interface KeptSts {
  readonly policy: StsPolicy | null;
  readonly failure: (StsFailure & { readonly id: string; readonly atMs: number }) | null;
}

export interface StsPoliciesParts {
  readonly space: KeyValueSpace<KeptSts>;
  readonly resolver: Pick<Resolver, "txt" | "addresses">;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetching?: Omit<StsFetchOptions, "resolver">;
}

// RFC 8461 3.3: not more often than every five minutes
const RETRY_MS = 300_000;
// RFC 8461 10.2: once a day, so that whoever keeps a record back cannot make an old policy end
const REFRESH_MS = 86_400_000;
const NOTHING: StsAnswer = { policy: null, failure: null };

export class StsPolicies {
  readonly #parts: StsPoliciesParts;
  readonly #fetching = new Map<string, Promise<StsAnswer>>();
  readonly #end = new AbortController();

  constructor(parts: StsPoliciesParts) {
    this.#parts = parts;
  }

  async find(domain: string, signal: AbortSignal): Promise<StsAnswer> {
    const { space, resolver, clock } = this.#parts;
    const [held, texts] = await Promise.all([space.get(domain), resolver.txt(`_mta-sts.${domain}`, signal)]);
    const id = texts.at === "found" ? readStsRecord(texts.records) : null;
    const now = clock.now();
    const policy = held?.policy && now < endOf(held.policy) ? held.policy : null;
    const failure = held?.failure ?? null;
    // RFC 8461 3.1: without a record there is no new policy; the old one goes on
    if (id === null && policy === null) return NOTHING;
    const wanted = id ?? policy?.id ?? "";
    const mayFetch = failure === null || failure.id !== wanted || now >= failure.atMs + RETRY_MS;
    if (policy === null || policy.id !== wanted) {
      return mayFetch ? abandonable(this.#fetch(domain, wanted, policy), signal, policy) : { policy, failure };
    }
    const refreshMs = Math.min(REFRESH_MS, policy.maxAgeMs / 2);
    if (mayFetch && now >= policy.fetchedAtMs + refreshMs) void this.#fetch(domain, wanted, policy);
    return { policy, failure: null };
  }

  /** Fetches that run now have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#fetching.values());
  }

  /** Calls them off. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.settled();
  }

  #fetch(domain: string, id: string, old: StsPolicy | null): Promise<StsAnswer> {
    const running = this.#fetching.get(domain);
    if (running) return running;
    const fetched = this.#fetchAndKeep(domain, id, old).finally(() => this.#fetching.delete(domain));
    this.#fetching.set(domain, fetched);
    return fetched;
  }

  /** Never rejects: what cannot be kept is fetched again. */
  async #fetchAndKeep(domain: string, id: string, old: StsPolicy | null): Promise<StsAnswer> {
    const { resolver, clock, log, fetching } = this.#parts;
    const fetched = await fetchStsPolicy(domain, { resolver, ...fetching, signal: this.#end.signal });
    const read = "text" in fetched ? readStsPolicy(fetched.text) : null;
    const fetchedAtMs = clock.now();
    if (read !== null && !("mistake" in read)) {
      const policy: StsPolicy = { ...read, id, fetchedAtMs };
      log.info({ domain, mode: policy.mode, id, maxAgeMs: policy.maxAgeMs }, "MTA-STS policy fetched");
      await this.#keep(domain, { policy, failure: null }, endOf(policy));
      return fetchedAtMs < endOf(policy) ? { policy, failure: null } : NOTHING;
    }
    const failure: StsFailure =
      "failure" in fetched
        ? fetched.failure
        : { kind: "sts-policy-invalid", reason: read?.mistake ?? "it is no policy" };
    if (this.#end.signal.aborted) return { policy: old, failure };
    log.warn({ domain, kind: failure.kind, reason: failure.reason }, "MTA-STS policy not fetched");
    const ends = Math.max(old ? endOf(old) : 0, fetchedAtMs + RETRY_MS);
    await this.#keep(domain, { policy: old, failure: { ...failure, id, atMs: fetchedAtMs } }, ends);
    return { policy: old, failure };
  }

  async #keep(domain: string, value: KeptSts, expiresAtMs: number): Promise<void> {
    const { space, log } = this.#parts;
    try {
      await space.update(domain, (held) => {
        // Another worker may have been luckier meanwhile.
        const isNewer = (held?.policy?.fetchedAtMs ?? 0) > (value.policy?.fetchedAtMs ?? 0);
        return value.failure !== null && isNewer ? null : { value, expiresAtMs };
      });
    } catch (error) {
      log.warn({ domain, error }, "an MTA-STS policy could not be kept");
    }
  }
}

const endOf = ({ fetchedAtMs, maxAgeMs }: StsPolicy): number => fetchedAtMs + maxAgeMs;

/** Whoever has lost interest gets what is known; the fetch goes on for others. */
function abandonable(fetched: Promise<StsAnswer>, signal: AbortSignal, policy: StsPolicy | null): Promise<StsAnswer> {
  const failure: StsFailure = { kind: "sts-policy-fetch-error", reason: "not waited for" };
  if (signal.aborted) return Promise.resolve({ policy, failure });
  return new Promise((resolve) => {
    const abandon = () => resolve({ policy, failure });
    signal.addEventListener("abort", abandon, { once: true });
    void fetched.then((answer) => {
      signal.removeEventListener("abort", abandon);
      resolve(answer);
    });
  });
}
