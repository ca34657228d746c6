/** A bounded cache of DNS answers. Failures are not kept. Concurrent questions for one name wait for the same query. */
import type { Clock } from "../../contracts/clock.ts";
import type { DnsAnswer } from "../../contracts/resolver.ts";

const ENTRY_LIMIT = 10_000;
// c-ares gives no TTL for most types, so an answer is kept for as long as a careful operator sets one at the least.
const FOUND_MS = 60_000;
const NOT_FOUND_MS = 30_000;

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

  /** The kept answer to `question`, or what `query` answers. `query` must not reject. */
  through<T>(question: string, query: () => Promise<DnsAnswer<T>>): Promise<DnsAnswer<T>> {
    const key = question.toLowerCase();
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#clock.now()) return Promise.resolve(kept.answer as DnsAnswer<T>);
    const asking = this.#asking.get(key);
    if (asking) return asking as Promise<DnsAnswer<T>>;
    const asked = query().then((answer) => {
      this.#asking.delete(key);
      this.#keep(key, answer);
      return answer;
    });
    this.#asking.set(key, asked);
    return asked;
  }

  #keep(key: string, answer: DnsAnswer<unknown>): void {
    this.#kept.delete(key);
    if (answer.at === "failed") return;
    const oldest = this.#kept.keys().next();
    if (this.#kept.size >= ENTRY_LIMIT && !oldest.done) this.#kept.delete(oldest.value);
    this.#kept.set(key, { answer, until: this.#clock.now() + (answer.at === "found" ? FOUND_MS : NOT_FOUND_MS) });
  }
}
