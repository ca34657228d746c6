import fc from "fast-check";
import type { MessageEntry, Snapshot } from "postern/plugin";
import { describe, expect, it } from "vitest";
import { numbersOf } from "./message-set.ts";
import { View } from "./view.ts";
import { SequenceSet } from "./wire/sequence-set.ts";

const entry = (uid: number, ...flags: string[]): MessageEntry => ({
  uid,
  flags: new Set(flags),
  modseq: 1,
  internalDate: 0,
  saveDate: null,
  sizeBytes: 1,
});

function snapshotOf(entries: readonly MessageEntry[], uidNext: number): Snapshot {
  return {
    uidNext,
    highestModseq: 1,
    size: entries.length,
    at(index) {
      const found = entries[index];
      if (!found) throw new RangeError(`${index}`);
      return found;
    },
    indexOf: (uid) => {
      const index = entries.findIndex((one) => one.uid >= uid);
      return index === -1 ? entries.length : index;
    },
  };
}

/** What a client makes of what it is told: the only way it can know. */
class Client {
  /** UIDs by sequence number; flags as told. */
  readonly messages: { uid: number; flags: string }[];

  constructor(view: View) {
    this.messages = Array.from({ length: view.exists }, (_, index) => this.#look(view, index + 1));
  }

  hear(view: View, mayExpunge: boolean): void {
    const { expunged, exists, changed } = view.take(mayExpunge);
    if (!mayExpunge) expect(expunged).toEqual([]);
    for (const number of expunged) {
      expect(number).toBeLessThanOrEqual(this.messages.length);
      this.messages.splice(number - 1, 1);
    }
    if (exists !== null) {
      expect(exists).toBeGreaterThan(this.messages.length);
      while (this.messages.length < exists) this.messages.push(this.#look(view, this.messages.length + 1));
    }
    for (const number of changed) this.messages[number - 1] = this.#look(view, number);
    expect(view.exists).toBe(this.messages.length);
    this.messages.forEach(({ uid }, index) => {
      expect(view.entry(index + 1).uid).toBe(uid);
      expect(view.numberOf(uid)).toBe(index + 1);
    });
  }

  #look(view: View, number: number): { uid: number; flags: string } {
    const { uid, flags } = view.entry(number);
    return { uid, flags: [...flags].sort().join(" ") };
  }
}

describe("View", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant("expunge" as const), at: fc.nat(20) }),
    fc.record({ do: fc.constant("flag" as const), at: fc.nat(20), flag: fc.constantFrom("\\Seen", "\\Deleted") }),
    fc.record({ do: fc.constant("sync" as const) }),
    fc.record({ do: fc.constant("hear" as const), mayExpunge: fc.boolean() }),
  );

  it("tells the client everything and nothing wrong, whatever others do in between", () => {
    fc.assert(
      fc.property(fc.nat(8), fc.array(step, { maxLength: 60 }), (size, steps) => {
        let uidNext = size + 1;
        let messages = Array.from({ length: size }, (_, index) => entry(index + 1));
        const view = new View(snapshotOf(messages, uidNext));
        const client = new Client(view);
        for (const one of steps) {
          if (one.do === "append") for (let i = 0; i < one.count; i++) messages = [...messages, entry(uidNext++)];
          else if (one.do === "expunge") messages = messages.filter((_, index) => index !== one.at);
          else if (one.do === "flag")
            messages = messages.map((old, index) =>
              index !== one.at
                ? old
                : entry(
                    old.uid,
                    ...(old.flags.has(one.flag)
                      ? [...old.flags].filter((f) => f !== one.flag)
                      : [...old.flags, one.flag]),
                  ),
            );
          else if (one.do === "sync") view.advance(snapshotOf(messages, uidNext));
          else client.hear(view, one.mayExpunge);
          // Numbers never move by themselves.
          expect(client.messages.map((_, index) => view.entry(index + 1).uid)).toEqual(
            client.messages.map(({ uid }) => uid),
          );
        }
        view.advance(snapshotOf(messages, uidNext));
        client.hear(view, true);
        expect(client.messages).toEqual(
          messages.map(({ uid, flags }) => ({ uid, flags: [...flags].sort().join(" ") })),
        );
        expect(view.hasNews).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps a number for a message that is gone until EXPUNGE may be sent", () => {
    const view = new View(snapshotOf([entry(1), entry(2), entry(3)], 4));
    view.advance(snapshotOf([entry(1), entry(3), entry(4)], 5));
    expect(view.take(false)).toEqual({ expunged: [], expungedUids: [], exists: 4, arrived: 1, changed: [] });
    expect(view.isGhost(2)).toBe(true);
    expect([1, 2, 3, 4].map((number) => view.entry(number).uid)).toEqual([1, 2, 3, 4]);
    expect(view.take(true)).toEqual({ expunged: [2], expungedUids: [2], exists: null, arrived: 0, changed: [] });
    expect(view.exists).toBe(3);
  });

  it("numbers several EXPUNGE responses as the client counts after each", () => {
    const view = new View(
      snapshotOf(
        [1, 2, 3, 4, 5].map((uid) => entry(uid)),
        6,
      ),
    );
    view.advance(snapshotOf([entry(3)], 6));
    expect(view.take(true).expunged).toEqual([1, 1, 2, 2]);
  });
});

describe("sequence sets", () => {
  const view = new View(
    snapshotOf(
      [2, 4, 6, 8].map((uid) => entry(uid)),
      9,
    ),
  );
  const sets: [text: string, isUid: boolean, numbers: number[] | string][] = [
    ["1:*", false, [1, 2, 3, 4]],
    ["*", false, [4]],
    ["*:2", false, [2, 3, 4]],
    ["3,1,2:3", false, [1, 2, 3]],
    ["4:1", false, [1, 2, 3, 4]],
    ["5", false, "Invalid message sequence number"],
    ["2:5", false, "Invalid message sequence number"],
    ["4:6", true, [2, 3]],
    ["7:*", true, [4]],
    ["99:*", true, [4]],
    ["1,3,5", true, []],
    ["3:7", true, [2, 3]],
    ["*", true, [4]],
    ["4294967295", true, []],
  ];
  it.each(sets)("%s (uid: %s)", (text, isUid, expected) => {
    const numbers = () => numbersOf(view, SequenceSet.parse(text), isUid);
    if (typeof expected === "string") expect(numbers).toThrow(expected);
    else expect(numbers()).toEqual(expected);
  });

  it.each(["", "0", "1:", ":1", "1,,2", "a", "1:2:3", "4294967296", "-1", "**"])("refuses %j", (text) => {
    expect(() => SequenceSet.parse(text)).toThrow("Invalid sequence set");
  });

  it("takes 1:* of an empty mailbox, and no number", () => {
    const empty = new View(snapshotOf([], 1));
    expect(numbersOf(empty, SequenceSet.parse("1:*"), false)).toEqual([]);
    expect(numbersOf(empty, SequenceSet.parse("1:*"), true)).toEqual([]);
    expect(() => numbersOf(empty, SequenceSet.parse("1"), false)).toThrow();
  });
});
