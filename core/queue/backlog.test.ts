/** What is looked for in the spool: bounded, and even among senders. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keptLog } from "../testing/kernel.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { AtHand } from "./at-hand.ts";
import { Backlog, type Due } from "./backlog.ts";
import { createEnvelopeIds, senderOf } from "./envelope-id.ts";
import { Shares } from "./shares.ts";
import { Ticket } from "./ticket.ts";
import { Turns } from "./turns.ts";

const clock = manualClock();
const nowMs = clock.now();
const nextId = createEnvelopeIds({ clock: { now: () => 1e12 }, worker: 1, random: () => 7 });

const backlogOf = (waiting: () => Iterable<Due>): Backlog =>
  new Backlog({
    ...{ clock, log: keptLog().log },
    spool: {
      async *recovered(until) {
        for (const due of waiting()) if (due.dueAt < until) yield due;
      },
    },
  });

describe("a backlog", () => {
  it("of a million due messages is taken a piece at a time, and another sender's one is in the first piece", async () => {
    function* waiting(): Iterable<Due> {
      for (let n = 0; n < 1_000_000; n += 1) yield { id: nextId("many@example.org"), dueAt: 0 };
      yield { id: nextId("one@example.org"), dueAt: nowMs };
    }
    const backlog = backlogOf(waiting);
    const found = await backlog.look(5_000, () => false);
    expect(found.length).toBe(5_000);
    const one = senderOf(nextId("one@example.org"));
    expect(found.filter(({ id }) => senderOf(id) === one).length).toBe(1);
    expect(backlog.lacksFromMs).toBeLessThanOrEqual(nowMs);
  });

  it("keeps to its room, loses nobody, and knows from when on it lacks something", async () => {
    const due = fc.record({ sender: fc.integer({ min: 0, max: 5 }), dueAt: fc.integer({ min: -50, max: 50 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(due, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), async (entries, room) => {
        const all = entries.map(({ sender, dueAt }) => ({ id: nextId(`${sender}`), dueAt: nowMs + dueAt }));
        const backlog = backlogOf(() => all);
        const known = new Set<string>();
        for (let looks = 0; known.size < all.length; looks += 1) {
          expect(looks).toBeLessThan(100);
          const left = all.filter(({ id }) => !known.has(id));
          const found = await backlog.look(room, (id) => known.has(id));
          expect(found.length).toBe(Math.min(room, left.length));
          const dueLeft = left.filter(({ dueAt }) => dueAt <= nowMs);
          const dueFound = found.filter(({ dueAt }) => dueAt <= nowMs);
          expect(dueFound.length).toBe(Math.min(room, dueLeft.length));
          const counts = new Map<string, number>();
          for (const { id } of dueFound) counts.set(senderOf(id), (counts.get(senderOf(id)) ?? 0) + 1);
          const senders = new Set(dueLeft.map(({ id }) => senderOf(id)));
          if (senders.size <= room) for (const sender of senders) expect(counts.get(sender)).toBeGreaterThan(0);
          for (const { id } of found) known.add(id);
          const missing = all.filter(({ id }) => !known.has(id)).map(({ dueAt }) => dueAt);
          if (missing.length > 0)
            expect(backlog.lacksFromMs).toBeLessThanOrEqual(Math.max(nowMs, Math.min(...missing)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("that cannot be read is asked for again a minute later", async () => {
    let isBroken = true;
    const backlog = backlogOf(() => {
      if (isBroken) throw new Error("EMFILE");
      return [{ id: nextId("a"), dueAt: nowMs }];
    });
    expect(await backlog.look(10, () => false)).toEqual([]);
    expect(backlog.lacksFromMs).toBe(nowMs + 60_000);
    isBroken = false;
    expect((await backlog.look(10, () => false)).length).toBe(1);
  });

  it("is all that grows where more is accepted than can be worked on", () => {
    const atHand = new AtHand(
      100,
      backlogOf(() => []),
      () => false,
    );
    for (let n = 0; n < 10_000; n += 1) atHand.addFresh(new Ticket(nextId(`${n % 3}`)), nowMs);
    expect(atHand.size).toBeLessThanOrEqual(200);
    const before = atHand.size;
    expect(atHand.addFresh(new Ticket(nextId("somebody else")), nowMs)).toBe(true);
    expect(atHand.size).toBe(before + 1);
  });
});

describe("turns", () => {
  const item = fc.record({
    sender: fc.constantFrom("a", "b", "c", "d"),
    priority: fc.constantFrom("high" as const, "normal" as const, "bulk" as const),
  });

  it("give back everything once, each sender's in order", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(item, fc.constant(null)), { maxLength: 200 }), (steps) => {
        const turns = new Turns<{ sender: string; priority: "high" | "normal" | "bulk"; n: number }>();
        const pushed: number[] = [];
        const taken: { sender: string; priority: string; n: number }[] = [];
        const take = () => {
          const next = turns.shift(() => true);
          if (next) taken.push(next);
        };
        for (const [n, step] of steps.entries()) {
          if (step === null) take();
          else {
            turns.push({ ...step, n });
            pushed.push(n);
          }
        }
        while (turns.size > 0) take();
        expect(taken.map(({ n }) => n).toSorted((one, other) => one - other)).toEqual(pushed);
        for (const sender of "abcd")
          for (const priority of ["high", "normal", "bulk"]) {
            const own = taken.filter((one) => one.sender === sender && one.priority === priority).map(({ n }) => n);
            expect(own).toEqual(own.toSorted((one, other) => one - other));
          }
      }),
    );
  });

  it("let nobody wait longer than for one turn of each other sender of the same priority", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 200 }), (senders) => {
        const turns = new Turns<{ sender: string; priority: "normal" }>();
        for (const sender of senders) turns.push({ sender, priority: "normal" });
        turns.push({ sender: "late", priority: "normal" });
        const order: string[] = [];
        for (let next = turns.shift(() => true); next; next = turns.shift(() => true)) order.push(next.sender);
        expect(order.indexOf("late")).toBeLessThanOrEqual(new Set(senders).size);
      }),
    );
  });

  it("pass over those that may not go, and leave them where they were", () => {
    const turns = new Turns<{ sender: string; priority: "normal" }>();
    for (const sender of ["a", "b", "a"]) turns.push({ sender, priority: "normal" });
    expect(turns.shift(({ sender }) => sender === "b")?.sender).toBe("b");
    expect(turns.shift(() => false)).toBe(undefined);
    expect([turns.shift(() => true)?.sender, turns.shift(() => true)?.sender, turns.size]).toEqual(["a", "a", 0]);
  });
});

describe("shares", () => {
  it("never hand out more places than there are, and always have one for a newcomer below three quarters", () => {
    const step = fc.record({
      sender: fc.constantFrom("a", "b", "c"),
      priority: fc.constantFrom("high" as const, "normal" as const, "bulk" as const),
      isEnd: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (steps, places) => {
        const shares = new Shares(places);
        const taken: { sender: string; priority: "high" | "normal" | "bulk" }[] = [];
        for (const { isEnd, ...who } of steps) {
          const last = isEnd ? taken.pop() : undefined;
          if (last) shares.give(last);
          else if (shares.may(who)) {
            shares.take(who);
            taken.push(who);
          }
          expect(shares.active).toBe(taken.length);
          expect(shares.active).toBeLessThanOrEqual(places);
          if (shares.active < places) expect(shares.may({ sender: "newcomer", priority: "normal" })).toBe(true);
        }
      }),
    );
  });
});
