/**
 * What has been counted and is not written yet. Far from a limit an exact count costs more than it tells: such events are gathered
 * here and written together a moment later, so that a busy client does not cost a change of the store for each message.
 * A worker that is killed takes at most that moment's events along.
 */
import type { Rule } from "./rules.ts";

export interface Amount {
  readonly rule: Rule;
  readonly amount: number;
}

/** So long at most is anything held back. */
const HOLD_MS = 100;
/** So small a part of a limit may one worker hold back, and only until half of the limit is reached. */
const SHARE = 1 / 64;
/** Subjects at once; beyond that all are written. */
const SUBJECTS = 1_000;

/** Whether one event more is so far from the limit that it may be written later. */
export const isFarFrom = (limit: number, counted: number, pending: number): boolean =>
  pending <= limit * SHARE && counted + pending <= limit / 2;

export class Pending {
  readonly #bySubject = new Map<string, Map<string, Amount>>();
  readonly #write: (key: string, amounts: readonly Amount[]) => Promise<void>;
  #timer: NodeJS.Timeout | null = null;

  /** `write` never rejects. */
  constructor(write: (key: string, amounts: readonly Amount[]) => Promise<void>) {
    this.#write = write;
  }

  amountOf(key: string, { id }: Rule): number {
    return this.#bySubject.get(key)?.get(id)?.amount ?? 0;
  }

  add(key: string, { rule, amount }: Amount): void {
    const amounts = this.#bySubject.get(key) ?? new Map<string, Amount>();
    amounts.set(rule.id, { rule, amount: (amounts.get(rule.id)?.amount ?? 0) + amount });
    this.#bySubject.set(key, amounts);
    if (this.#bySubject.size >= SUBJECTS) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), HOLD_MS).unref();
  }

  /** Whoever takes it writes it. */
  take(key: string): readonly Amount[] {
    const amounts = this.#bySubject.get(key);
    this.#bySubject.delete(key);
    return amounts ? [...amounts.values()] : [];
  }

  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await Promise.all([...this.#bySubject.keys()].map((key) => this.#write(key, this.take(key))));
  }
}
