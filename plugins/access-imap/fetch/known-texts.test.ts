import { expect, it } from "vitest";
import { KnownTexts } from "./known-texts.ts";

const mailbox = (mailboxId: string) => ({ mailboxId });
const text = "x".repeat(900); // counted as 1,000

it("keeps texts by mailbox and UID", () => {
  const known = new KnownTexts();
  known.of(mailbox("a")).keep(1, "envelope", "one");
  known.of(mailbox("a")).keep(1, "bodyStructure", "two");
  known.of(mailbox("b")).keep(1, "envelope", "three");
  expect(known.of(mailbox("a")).get(1)).toEqual({ envelope: "one", bodyStructure: "two" });
  expect(known.of(mailbox("b")).get(1)).toEqual({ envelope: "three" });
  expect(known.of(mailbox("a")).get(2)).toBeUndefined();
});

it("forgets the mailbox that was asked for longest ago, and no part of the one that is asked for", () => {
  const known = new KnownTexts(3_000);
  const [a, b] = [known.of(mailbox("a")), known.of(mailbox("b"))];
  a.keep(1, "envelope", text);
  b.keep(1, "envelope", text);
  known.of(mailbox("a")).keep(2, "envelope", text);
  // No room: b goes.
  a.keep(3, "envelope", text);
  expect(known.of(mailbox("b")).get(1)).toBeUndefined();
  expect([1, 2, 3].map((uid) => a.get(uid)?.envelope)).toEqual([text, text, text]);
});

it("makes the rest of a mailbox that is too large anew each time", () => {
  const known = new KnownTexts(2_000);
  const texts = known.of(mailbox("a"));
  for (const uid of [1, 2, 3, 4]) texts.keep(uid, "envelope", text);
  expect([1, 2, 3, 4].map((uid) => texts.get(uid) !== undefined)).toEqual([true, true, false, false]);
});

it("counts nothing for a mailbox that went while it was in use", () => {
  const known = new KnownTexts(2_000);
  const old = known.of(mailbox("a"));
  old.keep(1, "envelope", text);
  const now = known.of(mailbox("b"));
  for (const uid of [1, 2]) now.keep(uid, "envelope", text);
  for (const uid of [2, 3, 4]) old.keep(uid, "envelope", text);
  expect(old.get(4)).toBeUndefined();
  expect(now.get(2)).toEqual({ envelope: text });
});
