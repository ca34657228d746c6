/** \Seen of a reader: against a model in which several clients synchronise by modseq alone, as CONDSTORE has them do. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MessageEntry, Snapshot } from "../contracts/mailbox-store.ts";
import { SeenState } from "./seen-state.ts";
import { compactRuns, countIn, formatRuns, joinedRuns, parseRuns, runsOf, runsWithout } from "./uid-runs.ts";

/** A mailbox of the store: UIDs with their modseqs. */
function snapshotOf(modseqs: ReadonlyMap<number, number>, highestModseq: number, uidNext: number): Snapshot {
  const uids = [...modseqs.keys()].sort((a, b) => a - b);
  return {
    uidNext,
    highestModseq,
    size: uids.length,
    at: (index) => {
      const uid = uids[index] as number;
      return {
        uid,
        flags: new Set(),
        modseq: modseqs.get(uid),
        internalDate: 0,
        sizeBytes: 1,
        saveDate: null,
      } as MessageEntry;
    },
    indexOf: (uid) => uids.filter((one) => one < uid).length,
  };
}

describe("runs of UIDs", () => {
  const sets = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 30 });
  const uidsOf = (runs: readonly { first: number; last: number }[]) =>
    runs.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index));

  it("are sets", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const sorted = (uids: Iterable<number>) => [...new Set(uids)].sort((x, y) => x - y);
        expect(uidsOf(joinedRuns(runsOf(a), runsOf(b)))).toEqual(sorted([...a, ...b]));
        expect(uidsOf(runsWithout(runsOf(a), runsOf(b)))).toEqual(sorted(a.filter((uid) => !b.includes(uid))));
        expect(parseRuns(formatRuns(runsOf(a)))).toEqual(runsOf(a));
      }),
    );
  });

  it("grow together over messages that are gone, and forget them", () => {
    fc.assert(
      fc.property(sets, sets, (there, seen) => {
        const snapshot = snapshotOf(new Map(there.map((uid) => [uid, 1])), 1, 61);
        const compact = compactRuns(runsOf(seen), snapshot);
        const has = (uid: number) => compact.some(({ first, last }) => first <= uid && uid <= last);
        for (const uid of there) expect(has(uid)).toBe(seen.includes(uid));
        expect(countIn(compact, snapshot)).toBe(there.filter((uid) => seen.includes(uid)).length);
        // No more than there are changes from one message to the next.
        expect(compact.length).toBeLessThanOrEqual(there.length);
      }),
    );
  });

  it.each(["1:", "x", "5:3", "1,1", "0", "4294967296", "3,1", ","])("%s are none", (text) => {
    expect(parseRuns(text)).toBeNull();
  });
});

const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("see" as const),
      uids: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
      isSeen: fc.boolean(),
    }),
    // Also where the store's numbers stand still, or run ahead of any clock.
    fc.record({
      do: fc.constant("store" as const),
      uid: fc.integer({ min: 1, max: 12 }),
      by: fc.constantFrom(1, 2, 10 ** 9),
    }),
    fc.record({ do: fc.constant("sync" as const), client: fc.integer({ min: 0, max: 2 }) }),
  ),
  { maxLength: 400 },
);

describe("what a reader has seen", () => {
  it("reaches every client that asks for what changed since its modseq, and modseqs never go back", () => {
    fc.assert(
      fc.property(steps, (actions) => {
        const modseqs = new Map(Array.from({ length: 12 }, (_, index) => [index + 1, 1000 + index]));
        let highest = 1011;
        let state = SeenState.empty(7);
        const versions = new Map<number, number>();
        const clients = [0, 1, 2].map(() => ({ modseq: 0, knows: new Map<number, string>() }));
        const truth = (uid: number) => `${state.has(uid)} ${versions.get(uid) ?? 0}`;
        let told = 0;
        for (const action of actions) {
          const now = () => snapshotOf(modseqs, highest, 13);
          if (action.do === "store") {
            highest += action.by;
            modseqs.set(action.uid, highest);
            versions.set(action.uid, (versions.get(action.uid) ?? 0) + 1);
          } else if (action.do === "see") {
            const changing = action.uids.filter((uid) => state.has(uid) !== action.isSeen);
            if (changing.length === 0) continue;
            const next = SeenState.parse(state.with(runsOf(changing), action.isSeen, now()).format("bob"), 7);
            expect(next).not.toBeNull();
            state = next as SeenState;
          } else {
            const client = clients[action.client] as (typeof clients)[number];
            for (const [uid, modseq] of modseqs) {
              const shown = Math.max(state.lifted(modseq), state.changedAt(uid));
              expect(shown).toBeLessThanOrEqual(state.highestOf(now()));
              // The two ways of asking agree.
              const isTold =
                modseq > state.lowered(client.modseq) ||
                state.changedSince(client.modseq).some(({ first, last }) => first <= uid && uid <= last);
              expect(isTold).toBe(shown > client.modseq);
              if (isTold) client.knows.set(uid, truth(uid));
              expect(client.knows.get(uid)).toBe(truth(uid));
            }
            client.modseq = state.highestOf(now());
          }
          const highestNow = state.highestOf(now());
          expect(highestNow).toBeGreaterThanOrEqual(told);
          if (action.do !== "sync") expect(highestNow).toBeGreaterThan(told === highestNow ? -1 : told);
          told = highestNow;
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is bounded, whatever happens", () => {
    const snapshot = snapshotOf(new Map(Array.from({ length: 50 }, (_, index) => [index + 1, index + 1])), 50, 51);
    let state = SeenState.empty(1);
    for (let round = 0; round < 1000; round++) state = state.with(runsOf([(round % 50) + 1]), round % 3 > 0, snapshot);
    expect(state.format("bob").split("\n").length).toBeLessThan(300);
  });

  it("begins anew in a mailbox that was numbered anew", () => {
    const snapshot = snapshotOf(new Map([[1, 1]]), 1, 2);
    const text = SeenState.empty(1)
      .with(runsOf([1]), true, snapshot)
      .format("bob");
    expect(SeenState.parse(text, 1)?.has(1)).toBe(true);
    expect(SeenState.parse(text, 2)?.has(1)).toBe(false);
  });

  it.each([
    "rubbish",
    "postern-seen 1 7\nseen 1:2\n",
    "postern-seen 1 7\nseen 2:1\nend\n",
    "postern-seen 1 7\nshift 5\nend\n",
    "postern-seen 1 7\nchanged x 1\nend\n",
    "postern-seen 1 7\nseen 1\nend",
  ])("is not guessed from %j", (text) => {
    expect(SeenState.parse(text, 7)).toBeNull();
  });
});
