import { expect, it } from "vitest";
import type { MessageEntry } from "../contracts/mailbox-store.ts";
import { ChunkedSnapshot } from "./snapshot.ts";
import { faultInFormat, headerDigest, type IdVariable, uniqueIdsOf } from "./unique-ids.ts";

const all: readonly IdVariable[] = ["f", "g", "m"];

it.each(["%08Xu%08Xv", "%v.%u", "%f", "%g", "%m", "%%%u", "uid-%Xu", "%10u"])("takes the format %s", (format) => {
  expect(faultInFormat(format, all)).toBeNull();
});

it.each([
  ["%v", "all messages have one id"],
  ["same", "all messages have one id"],
  ["%u %v", "printable ASCII"],
  ["%ü%u", "printable ASCII"],
  ["%z%u", "%z is no variable"],
])("says what is wrong with the format %s", (format, fault) => {
  expect(faultInFormat(format, all)).toContain(fault);
});

it("says which variables a store does not know", () => {
  expect(faultInFormat("%f", ["m"])).toBe("%f is no variable: there are %u, %v, %m");
});

/** Four messages, of which some were given an id. */
async function idsFor(
  format: string,
  given: Readonly<Record<number, string>>,
): Promise<readonly (string | undefined)[]> {
  const appended = [1, 2, 3, 4].map(
    (uid): MessageEntry => ({ uid, flags: new Set(), modseq: 1, internalDate: 0, sizeBytes: 0, saveDate: null }),
  );
  const nothing = { removed: new Set<number>(), replaced: new Map<number, MessageEntry>() };
  const snapshot = ChunkedSnapshot.empty().edited({ ...nothing, appended, uidNext: 5, highestModseq: 1 });
  const ids = await uniqueIdsOf(snapshot, {
    ...{ format, uidValidity: 7 },
    given: Object.entries(given).map(([uid, id]) => [Number(uid), id] as const),
    text: ({ uid }, variable) => `${variable}${uid}`,
  });
  return [1, 2, 3, 4, 5].map((uid) => ids.get(uid));
}

it.each([
  ["%v.%u", {}, ["7.1", "7.2", "7.3", "7.4", undefined]],
  ["%04Xu", {}, ["0001", "0002", "0003", "0004", undefined]],
  // One that was given comes first, whatever its place.
  ["%v.%u", { 3: "7.2" }, ["7.1", "7.2-2", "7.2", "7.4", undefined]],
  ["%v.%u", { 1: "same", 2: "same" }, ["same", "same-2", "7.3", "7.4", undefined]],
  ["%f", { 2: "f3" }, ["f1", "f3", "f3-2", "f4", undefined]],
  ["%m%g", {}, ["m1g1", "m2g2", "m3g3", "m4g4", undefined]],
  [`%u${"x".repeat(70)}`, {}, [...[1, 2, 3, 4].map((uid) => `${uid}${"x".repeat(69)}`), undefined]],
] as const)("gives ids by %s that no two messages share, with %j given", async (format, given, wanted) => {
  expect(await idsFor(format, given)).toEqual(wanted);
});

it("makes an id that POP3 could not send into one that it can", async () => {
  expect(await idsFor("%u", { 1: "a b", 2: "x".repeat(80) })).toEqual([
    expect.stringMatching(/^[0-9a-f]{32}$/),
    "x".repeat(70),
    "3",
    "4",
    undefined,
  ]);
});

it("digests a header without the line that ends it", () => {
  const header = "Subject: a\r\n";
  expect(headerDigest(Buffer.from(`${header}\r\nx`))).toBe(headerDigest(Buffer.from(header)));
});
