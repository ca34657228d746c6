import { expect, it } from "vitest";
import { CommandParser } from "../wire/command-parser.ts";
import { parseFetchItems } from "./fetch-item.ts";
import { KnownTexts, textName } from "./known-texts.ts";

const mailbox = (mailboxId: string) => ({ mailboxId });
/** Counted as 1,000, after the first one of a name. */
const text = "x".repeat(900);
const first = "x".repeat(900 - 500 - "ENVELOPE".length);

it("keeps texts by mailbox, item and UID", () => {
  const known = new KnownTexts();
  known.of(mailbox("a")).keep("ENVELOPE", 1, "one");
  known.of(mailbox("a")).keep("BODYSTRUCTURE", 1, "two");
  known.of(mailbox("b")).keep("ENVELOPE", 1, "three");
  expect(known.of(mailbox("a")).get("ENVELOPE", 1)).toBe("one");
  expect(known.of(mailbox("a")).get("BODYSTRUCTURE", 1)).toBe("two");
  expect(known.of(mailbox("b")).get("ENVELOPE", 1)).toBe("three");
  expect(known.of(mailbox("b")).get("BODYSTRUCTURE", 1)).toBeUndefined();
  expect(known.of(mailbox("a")).get("ENVELOPE", 2)).toBeUndefined();
});

it("forgets the mailbox that was asked for longest ago, and no part of the one that is asked for", () => {
  const known = new KnownTexts(3_000);
  const [a, b] = [known.of(mailbox("a")), known.of(mailbox("b"))];
  a.keep("ENVELOPE", 1, first);
  b.keep("ENVELOPE", 1, first);
  known.of(mailbox("a")).keep("ENVELOPE", 2, text);
  // No room: b goes.
  a.keep("ENVELOPE", 3, text);
  expect(known.of(mailbox("b")).get("ENVELOPE", 1)).toBeUndefined();
  expect([1, 2, 3].map((uid) => a.get("ENVELOPE", uid))).toEqual([first, text, text]);
});

it("makes the rest of a mailbox that is too large anew each time", () => {
  const known = new KnownTexts(2_000);
  const texts = known.of(mailbox("a"));
  for (const uid of [1, 2, 3, 4]) expect(texts.keep("ENVELOPE", uid, uid === 1 ? first : text)).not.toBe("");
  expect([1, 2, 3, 4].map((uid) => texts.get("ENVELOPE", uid) !== undefined)).toEqual([true, true, false, false]);
});

it("keeps nothing that is very long", () => {
  const texts = new KnownTexts().of(mailbox("a"));
  expect(texts.keep("ENVELOPE", 1, "x".repeat(70_000))).toHaveLength(70_000);
  expect(texts.get("ENVELOPE", 1)).toBeUndefined();
});

it("counts nothing for a mailbox that went while it was in use", () => {
  const known = new KnownTexts(2_000);
  const old = known.of(mailbox("a"));
  old.keep("ENVELOPE", 1, first);
  const now = known.of(mailbox("b"));
  for (const uid of [1, 2]) now.keep("ENVELOPE", uid, uid === 1 ? first : text);
  for (const uid of [2, 3, 4]) old.keep("ENVELOPE", uid, text);
  expect(old.get("ENVELOPE", 4)).toBeUndefined();
  expect(now.get("ENVELOPE", 2)).toBe(text);
});

it("names what is the same whoever asks", () => {
  const names = [
    "ENVELOPE",
    "BODYSTRUCTURE",
    "BODY",
    "BODY.PEEK[HEADER.FIELDS (To)]",
    "BODY[1]",
    "BODY[HEADER.FIELDS (To)]<0.3>",
  ].flatMap((text) => parseFetchItems(new CommandParser([text])).map(textName));
  expect(names).toEqual(["ENVELOPE", "BODYSTRUCTURE", null, "BODY[HEADER.FIELDS (To)]", null, null]);
});
