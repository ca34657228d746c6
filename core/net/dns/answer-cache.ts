/**
 * A cache of DNS answers, bounded in entries and octets. Failures are not kept. Concurrent questions for one name wait for the same
 * query.
 */
import type { Clock } from "../../contracts/clock.ts";
import type { DnsAnswer } from "../../contracts/resolver.ts";
import type { LookedUp } from "./look-up.ts";

const ENTRY_LIMIT = 10_000;
const SIZE_LIMIT_BYTES = 16 * 1_048_576;
// The time to live counts within these bounds: zero would ask again within one session.
const TTL_LEAST_MS = 30_000;
const TTL_MOST_MS = 3_600_000;
// RFC 2308 5, 7: short enough that a new entry in a block list is seen soon, and where no SOA record tells.
const NOT_FOUND_MS = 30_000;
const NOT_FOUND_MOST_MS = 300_000;

interface Kept {
  readonly answer: DnsAnswer<unknown>;
  readonly until: number;
  readonly sizeBytes: number;
}

export class AnswerCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<DnsAnswer<unknown>>>();
  #sizeBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The kept answer to `question`, or what `query` answers. `query` must not reject. */
  through<T>(question: string, query: () => Promise<LookedUp<T>>): Promise<DnsAnswer<T>> {
    const key = question.toLowerCase();
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#clock.now()) return Promise.resolve(kept.answer as DnsAnswer<T>);
    const asking = this.#asking.get(key);
    if (asking) return asking as Promise<DnsAnswer<T>>;
    const asked = query().then((found) => {
      this.#asking.delete(key);
      this.#keep(key, found);
      return found.answer;
    });
    this.#asking.set(key, asked);
    return asked;
  }

  #keep(key: string, { answer, ttlMs, sizeBytes }: LookedUp<unknown>): void {
    this.#forget(key);
    if (answer.at === "failed") return;
    this.#kept.set(key, { answer, until: this.#clock.now() + keepMs(answer.at, ttlMs), sizeBytes });
    this.#sizeBytes += sizeBytes;
    while (this.#kept.size > ENTRY_LIMIT || this.#sizeBytes > SIZE_LIMIT_BYTES) {
      const oldest = this.#kept.keys().next();
      if (oldest.done) return;
      this.#forget(oldest.value);
    }
  }

  #forget(key: string): void {
    this.#sizeBytes -= this.#kept.get(key)?.sizeBytes ?? 0;
    this.#kept.delete(key);
  }
}

function keepMs(at: "found" | "notFound", ttlMs: number | null): number {
  if (at === "notFound") return Math.min(NOT_FOUND_MOST_MS, Math.max(NOT_FOUND_MS, ttlMs ?? 0));
  return Math.min(TTL_MOST_MS, Math.max(TTL_LEAST_MS, ttlMs ?? 0));
}
