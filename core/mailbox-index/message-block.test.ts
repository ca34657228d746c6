/** Blocks of messages, compared with a map that is changed alike. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { KnownMessage } from "../contracts/mailbox-index.ts";
import { WrongRecord } from "./checked.ts";
import {
  amendedBlock,
  checkedBlock,
  EMPTY_BLOCK,
  indexOf,
  type MessageChange,
  messageAt,
  messagesIn,
} from "./message-block.ts";

const key = Buffer.from("a key");
const numbers = { internalDate: fc.integer({ min: -1 }), sizeBytes: fc.integer({ min: -1 }), modseq: fc.maxSafeNat() };
const texts = {
  flags: fc.string({ unit: "binary", maxLength: 5 }),
  place: fc.string({ unit: "binary", maxLength: 60 }),
};
const change = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.option(fc.record({ ...numbers, ...texts })));

const applied = (block: Buffer, changes: ReadonlyMap<number, KnownMessage | null>): Buffer => {
  const all = [...changes].map(([uid, message]): MessageChange => message ?? { uid, isGone: true });
  const ascending = all.sort((a, b) => a.uid - b.uid);
  const bytes = amendedBlock(block, ascending, key);
  return bytes ? checkedBlock(bytes, key) : EMPTY_BLOCK;
};

it("holds what was put and not taken away, in the order of UIDs", () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 8 }), (turns) => {
      let block: Buffer = EMPTY_BLOCK;
      const model = new Map<number, KnownMessage>();
      for (const turn of turns) {
        const changes = new Map<number, KnownMessage | null>();
        for (const [uid, message] of turn) {
          changes.set(uid, message && { uid, ...message });
          if (message) model.set(uid, { uid, ...message });
          else model.delete(uid);
        }
        block = applied(block, changes);
      }
      expect(messagesIn(block)).toEqual([...model.values()].sort((a, b) => a.uid - b.uid));
      for (let uid = 0; uid <= 41; uid++)
        expect(messageAt(block, indexOf(block, uid), uid)).toEqual(model.get(uid) ?? null);
    }),
  );
});

it("does not pass for another, nor for one that was damaged", () => {
  const message = { uid: 7, flags: "S", place: "cur/7:2,S", internalDate: 1, sizeBytes: 2, modseq: 3 };
  const block = applied(EMPTY_BLOCK, new Map([[7, message]]));
  expect(() => checkedBlock(block, Buffer.from("another"))).toThrow(WrongRecord);
  for (let at = 0; at < block.length; at++) {
    const damaged = Buffer.from(block);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    expect(() => checkedBlock(damaged, key)).toThrow(WrongRecord);
  }
});

it("refuses flags beyond all measure", () => {
  const message = { uid: 7, flags: "x".repeat(70_000), place: "", internalDate: 1, sizeBytes: 2, modseq: 3 };
  expect(() => applied(EMPTY_BLOCK, new Map([[7, message]]))).toThrow(TypeError);
});
