/**
 * Counters in the KeyValue service. All rules of one subject stand under one key, so an event costs one update for each subject,
 * however many rules there are, and only a read where every limit is far. Rejects when the service cannot answer.
 */
import type { Clock, KeyValue, KeyValueSpace } from "postern/plugin";
import { type Amount, amountsOf, type Held, isFarFrom, Pending } from "./pending.ts";
import type { Rule } from "./rules.ts";
import { type Counters, countOf, endOf, type Window, windowAt } from "./window.ts";

export interface Entry {
  readonly rule: Rule;
  readonly subject: string;
  readonly amount: number;
}

export interface Excess {
  readonly rule: Rule;
  readonly subject: string;
  readonly counted: number;
}

/** Whoever hammers on the door stays outside; mail that was put off does not count against the next try. */
const COUNTS_REFUSED: ReadonlySet<string> = new Set(["connections", "tlsHandshakes", "authAttempts"]);

export class Ledger {
  readonly #space: KeyValueSpace<Counters>;
  readonly #clock: Clock;
  readonly #pending: Pending;

  /** `onLost`: what had been counted for a while could not be written. */
  constructor(kv: KeyValue, name: string, clock: Clock, onLost: (cause: unknown) => void) {
    this.#space = kv.space(name);
    this.#clock = clock;
    this.#pending = new Pending(async (key, amounts) => {
      try {
        await this.#space.update(key, (held) => this.#added(held, amounts));
      } catch (cause) {
        onLost(cause);
      }
    });
  }

  /** Writes what is held back. */
  close(): Promise<void> {
    return this.#pending.flush();
  }

  /** Counts, and answers the first rule that says no. Without a promise where all limits are known to be far. */
  count(entries: readonly Entry[]): Excess | null | Promise<Excess | null> {
    const [only] = entries;
    if (only !== undefined && entries.length === 1) return this.#countOne(only, entries);
    const groups = grouped(entries);
    for (const [key, ofSubject] of groups) {
      const held = this.#pending.heldFor(key);
      if (held === undefined || !this.#isFar(ofSubject, held.counters, held)) return this.#countAll(groups);
    }
    for (const [key, ofSubject] of groups) this.#addLater(key, ofSubject, NO_COUNTERS);
    return null;
  }

  #countOne(entry: Entry, entries: readonly Entry[]): Excess | null | Promise<Excess | null> {
    const key = keyOf(entry);
    const held = this.#pending.heldFor(key);
    if (held === undefined || !this.#isFar(entries, held.counters, held))
      return this.#countAll(new Map([[key, entries]]));
    this.#addLater(key, entries, held.counters);
    return null;
  }

  async #countAll(groups: ReadonlyMap<string, readonly Entry[]>): Promise<Excess | null> {
    if (groups.size > 1 && ![...groups.values()].some((entries) => entries.some(countsRefused))) {
      // What is refused for one subject is not to have been counted for another.
      for (const [key, ofSubject] of groups) {
        const excess = excessOf(ofSubject, (await this.#space.get(key)) ?? {}, this.#clock.now());
        if (excess) return excess;
      }
    }
    for (const [key, ofSubject] of groups) {
      const counters = ofSubject.every(mayWait) ? ((await this.#space.get(key)) ?? NO_COUNTERS) : null;
      if (counters !== null && this.#isFar(ofSubject, counters, this.#pending.heldFor(key))) {
        this.#addLater(key, ofSubject, counters);
        continue;
      }
      const excess = await this.#countSubject(key, ofSubject);
      if (excess) return excess;
    }
    return null;
  }

  #isFar(entries: readonly Entry[], counters: Counters, held: Held | undefined): boolean {
    const nowMs = this.#clock.now();
    for (const entry of entries) {
      const { rule, amount } = entry;
      if (!mayWait(entry)) return false;
      const counted = countOf(windowAt(counters[rule.id], rule.within, nowMs), rule.within, nowMs);
      if (!isFarFrom(rule.limit, counted, (held?.amounts.get(rule.id)?.amount ?? 0) + amount)) return false;
    }
    return true;
  }

  /** `counters`: as read just now; where something is held already, what was read then stays. */
  #addLater(key: string, entries: readonly Entry[], counters: Counters): void {
    for (const entry of apart(entries)) this.#pending.add(key, counters, entry);
  }

  async #countSubject(key: string, entries: readonly Entry[]): Promise<Excess | null> {
    const before = this.#pending.take(key);
    let excess: Excess | null = null;
    try {
      await this.#space.update(key, (held) => {
        const there = this.#added(held, amountsOf(before));
        excess = excessOf(entries, there?.value ?? {}, this.#clock.now());
        return this.#added(
          there?.value ?? null,
          apart(entries).filter(({ rule }) => excess === null || COUNTS_REFUSED.has(rule.count)),
        );
      });
    } catch (cause) {
      // With what was read: a subject near its limit is not to look far from it because the store cannot answer.
      for (const amount of amountsOf(before)) this.#pending.add(key, before?.counters ?? {}, amount);
      throw cause;
    }
    return excess;
  }

  #added(held: Counters | null, amounts: readonly Amount[]) {
    const nowMs = this.#clock.now();
    const value: Record<string, Window> = {};
    let expiresAtMs = 0;
    for (const [id, window] of Object.entries(held ?? {})) {
      const endMs = endOf(window, lengthOf(id));
      // Of a rule that was taken out, or of an event that is long past.
      if (endMs <= nowMs) continue;
      value[id] = window;
      expiresAtMs = Math.max(expiresAtMs, endMs);
    }
    for (const { rule, amount } of amounts) {
      const [index, before, now] = windowAt(value[rule.id], rule.within, nowMs);
      const window: Window = [index, before, now + amount];
      value[rule.id] = window;
      expiresAtMs = Math.max(expiresAtMs, endOf(window, rule.within));
    }
    return expiresAtMs === 0 ? null : { value, expiresAtMs };
  }
}

const NO_COUNTERS: Counters = {};

const countsRefused = ({ rule }: Entry): boolean => COUNTS_REFUSED.has(rule.count);
const mayWait = (entry: Entry): boolean => !countsRefused(entry) && isFarFrom(entry.rule.limit, 0, entry.amount);

/** Two rules may share a counter: one event, two limits. */
function apart(entries: readonly Entry[]): readonly Entry[] {
  if (entries.length === 1) return entries;
  const seen = new Set<string>();
  return entries.filter(({ rule }) => !seen.has(rule.id) && seen.add(rule.id));
}

/** The first rule that one event more would break. */
function excessOf(entries: readonly Entry[], counters: Counters, nowMs: number): Excess | null {
  for (const { rule, amount, subject } of entries) {
    const counted = countOf(windowAt(counters[rule.id], rule.within, nowMs), rule.within, nowMs) + amount;
    if (counted > rule.limit) return { rule, subject, counted: Math.floor(counted) };
  }
  return null;
}

const lengthOf = (id: string): number => Number(id.slice(id.lastIndexOf("/") + 1));

const keyOf = ({ rule, subject }: Entry): string => `${rule.per}/${subject}`;

function grouped(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}
