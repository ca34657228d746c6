/** A bounded cache of DNS answers. Failures are not kept. Concurrent questions for one name wait for the same query. */
import type { Clock } from "../../contracts/clock.ts";
import type { DnsAnswer } from "../../contracts/resolver.ts";

const ENTRY_LIMIT = 10_000;
// c-ares gives no TTL for most types, so an answer is kept for as long as a careful operator sets one at the least.
const FOUND_MS = 60_000;
// Nor does it give the TTL of a negative answer (RFC 2308 5): short enough that a new entry in a block list is seen soon.
const NOT_FOUND_MS = 30_000;
// Where there is a TTL it counts within these bounds: zero would ask again within one session.
const TTL_LEAST_MS = 30_000;
const TTL_MOST_MS = 3_600_000;

interface Kept {
  readonly answer: DnsAnswer<unknown>;
  readonly until: number;
}

export class AnswerCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<DnsAnswer<unknown>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The kept answer to `question`, or what `query` answers; `ttlMs` where the records say it. `query` must not reject. */
  through<T>(question: string, query: () => Promise<DnsAnswer<T> & { ttlMs?: number }>): Promise<DnsAnswer<T>> {
    const key = question.toLowerCase();
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#clock.now()) return Promise.resolve(kept.answer as DnsAnswer<T>);
    const asking = this.#asking.get(key);
    if (asking) return asking as Promise<DnsAnswer<T>>;
    const asked = query().then(({ ttlMs, ...answer }) => {
      this.#asking.delete(key);
      this.#keep(key, answer, answer.at === "found" ? keepMs(ttlMs) : NOT_FOUND_MS);
      return answer;
    });
    this.#asking.set(key, asked);
    return asked;
  }

  #keep(key: string, answer: DnsAnswer<unknown>, forMs: number): void {
    this.#kept.delete(key);
    if (answer.at === "failed") return;
    const oldest = this.#kept.keys().next();
    if (this.#kept.size >= ENTRY_LIMIT && !oldest.done) this.#kept.delete(oldest.value);
    this.#kept.set(key, { answer, until: this.#clock.now() + forMs });
  }
}

const keepMs = (ttlMs: number | undefined): number =>
  ttlMs === undefined ? FOUND_MS : Math.min(TTL_MOST_MS, Math.max(TTL_LEAST_MS, ttlMs));
