/**
 * What has been counted and is not written yet. Far from a limit an exact count costs more than it tells: such events are gathered
 * here and written together a moment later, so that a busy client does not cost a change of the store for each message.
 * A worker that is killed takes at most that moment's events along.
 */
import type { Rule } from "./rules.ts";
import type { Counters } from "./window.ts";

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

export interface Held {
  /** What stood in the store when the first event came. */
  readonly counters: Counters;
  readonly amounts: Map<string, { readonly rule: Rule; amount: number }>;
}

export class Pending {
  readonly #bySubject = new Map<string, Held>();
  readonly #write: (key: string, amounts: readonly Amount[]) => Promise<void>;
  #timer: NodeJS.Timeout | null = null;

  /** `write` never rejects. */
  constructor(write: (key: string, amounts: readonly Amount[]) => Promise<void>) {
    this.#write = write;
  }

  /** With counters as they were a moment ago: whoever holds events back need not read them anew for each. */
  heldFor(key: string): Held | undefined {
    return this.#bySubject.get(key);
  }

  add(key: string, counters: Counters, { rule, amount }: Amount): void {
    let held = this.#bySubject.get(key);
    if (!held) {
      held = { counters, amounts: new Map() };
      this.#bySubject.set(key, held);
    }
    const before = held.amounts.get(rule.id);
    if (before) before.amount += amount;
    else held.amounts.set(rule.id, { rule, amount });
    if (this.#bySubject.size >= SUBJECTS) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), HOLD_MS).unref();
  }

  /** Whoever takes it writes it, or gives it back. */
  take(key: string): Held | null {
    const held = this.#bySubject.get(key) ?? null;
    this.#bySubject.delete(key);
    return held;
  }

  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await Promise.all([...this.#bySubject.keys()].map((key) => this.#write(key, amountsOf(this.take(key)))));
  }
}

export const amountsOf = (held: Held | null): readonly Amount[] => [...(held?.amounts.values() ?? [])];
