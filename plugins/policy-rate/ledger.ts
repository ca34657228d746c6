/**
 * Counters in the KeyValue service. All rules of one subject stand under one key, so an event costs one update for each subject,
 * however many rules there are. Rejects when the service cannot answer.
 */
import type { Clock, KeyValue, KeyValueSpace } from "postern/plugin";
import type { Rule } from "./rules.ts";
import { countOf, endOf, type Window, windowAt } from "./window.ts";

type Counters = Readonly<Record<string, Window>>;

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

  constructor(kv: KeyValue, name: string, clock: Clock) {
    this.#space = kv.space(name);
    this.#clock = clock;
  }

  /** Counts, and answers the first rule that says no. */
  async count(entries: readonly Entry[]): Promise<Excess | null> {
    const groups = grouped(entries);
    if (groups.size > 1 && !entries.some(({ rule }) => COUNTS_REFUSED.has(rule.count))) {
      // What is refused for one subject is not to have been counted for another.
      for (const [key, ofSubject] of groups) {
        const excess = excessOf(ofSubject, (await this.#space.get(key)) ?? {}, this.#clock.now());
        if (excess) return excess;
      }
    }
    for (const [key, ofSubject] of groups) {
      const excess = await this.#countSubject(key, ofSubject);
      if (excess) return excess;
    }
    return null;
  }

  async #countSubject(key: string, entries: readonly Entry[]): Promise<Excess | null> {
    let excess: Excess | null = null;
    await this.#space.update(key, (held) => {
      const nowMs = this.#clock.now();
      const counters: Record<string, Window> = {};
      let expiresAtMs = 0;
      for (const [id, window] of Object.entries(held ?? {})) {
        const endMs = endOf(window, lengthOf(id));
        // Of a rule that was taken out, or of an event that is long past.
        if (endMs <= nowMs) continue;
        counters[id] = window;
        expiresAtMs = Math.max(expiresAtMs, endMs);
      }
      excess = excessOf(entries, counters, nowMs);
      const done = new Set<string>();
      for (const { rule, amount } of entries) {
        // Two rules may share a counter: one event, two limits.
        if (done.has(rule.id) || (excess !== null && !COUNTS_REFUSED.has(rule.count))) continue;
        done.add(rule.id);
        const [index, before, now] = windowAt(counters[rule.id], rule.within, nowMs);
        const window: Window = [index, before, now + amount];
        counters[rule.id] = window;
        expiresAtMs = Math.max(expiresAtMs, endOf(window, rule.within));
      }
      return expiresAtMs === 0 ? null : { value: counters, expiresAtMs };
    });
    return excess;
  }
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

function grouped(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = `${entry.rule.per}/${entry.subject}`;
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}
