import { expect, it } from "vitest";
import { MessageFile } from "./message-file.ts";
import { Entry, emptySnapshot } from "./snapshot.ts";
import { UidList } from "./uidlist.ts";
import { faultInFormat, uniqueIdsOf } from "./unique-ids.ts";

it.each(["%08Xu%08Xv", "%v.%u", "%f", "%g", "%m", "%%%u", "uid-%Xu", "%10u"])("takes the format %s", (format) => {
  expect(faultInFormat(format)).toBeNull();
});

it.each([
  ["%v", "all messages have one id"],
  ["same", "all messages have one id"],
  ["%u %v", "printable ASCII"],
  ["%ü%u", "printable ASCII"],
  ["%z%u", "%z is no variable"],
])("says what is wrong with the format %s", (format, fault) => {
  expect(faultInFormat(format)).toContain(fault);
});

/** Four messages, of which some were given an id. */
async function idsFor(
  format: string,
  given: Readonly<Record<number, string>>,
): Promise<readonly (string | undefined)[]> {
  const entries = [1, 2, 3, 4].map((uid) => {
    const base = `17.M${uid}.host`;
    const file = new MessageFile("/nowhere", { where: "cur", name: `${base}:2,`, base, uid, fields: "" });
    return new Entry(file, new Set(), 1);
  });
  const nothing = { removed: new Set<number>(), replaced: new Map<number, Entry>() };
  const snapshot = emptySnapshot.edited({ ...nothing, appended: entries, uidNext: 5, highestModseq: 1 });
  const uidlist = new UidList("/nowhere", () => {});
  for (const { uid, file } of entries) {
    const id = given[uid];
    uidlist.records.set(file.base, { base: file.base, uid, fields: id === undefined ? "" : `P${id}` });
  }
  const ids = await uniqueIdsOf(snapshot, uidlist, format);
  return [1, 2, 3, 4, 5].map((uid) => ids.get(uid));
}

it.each([
  ["%v.%u", {}, ["0.1", "0.2", "0.3", "0.4", undefined]],
  // One that was given comes first, whatever its place.
  ["%v.%u", { 3: "0.2" }, ["0.1", "0.2-2", "0.2", "0.4", undefined]],
  ["%v.%u", { 1: "same", 2: "same" }, ["same", "same-2", "0.3", "0.4", undefined]],
  ["%f", { 2: "17.M3.host" }, ["17.M1.host", "17.M3.host", "17.M3.host-2", "17.M4.host", undefined]],
  [`%u${"x".repeat(70)}`, {}, [...[1, 2, 3, 4].map((uid) => `${uid}${"x".repeat(69)}`), undefined]],
] as const)("gives ids by %s that no two messages share, with %j given", async (format, given, wanted) => {
  expect(await idsFor(format, given)).toEqual(wanted);
});
