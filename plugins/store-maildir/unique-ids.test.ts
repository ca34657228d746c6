import { expect, it } from "vitest";
import { uniqueIdsIn } from "./maildrop.ts";
import { MessageFile } from "./message-file.ts";
import { Entry, emptySnapshot } from "./snapshot.ts";
import { UidList } from "./uidlist.ts";

/** Four messages, of which some have fields in the list of UIDs. */
async function idsFor(
  format: string,
  fields: Readonly<Record<number, string>>,
): Promise<readonly (string | undefined)[]> {
  const entries = [1, 2, 3, 4].map((uid) => {
    const file = new MessageFile("/nowhere", {
      where: "cur",
      name: `17.M${uid}.host:2,`,
      base: `17.M${uid}.host`,
      uid,
      fields: "",
    });
    return new Entry(file, new Set(), 1);
  });
  const nothing = { removed: new Set<number>(), replaced: new Map<number, Entry>() };
  const snapshot = emptySnapshot.edited({ ...nothing, appended: entries, uidNext: 5, highestModseq: 1 });
  const uidlist = new UidList("/nowhere", () => {});
  for (const { uid, file } of entries)
    uidlist.records.set(file.base, { base: file.base, uid, fields: fields[uid] ?? "" });
  const ids = await uniqueIdsIn(snapshot, uidlist, format);
  return [1, 2, 3, 4, 5].map((uid) => ids.get(uid));
}

it.each([
  ["%v.%u", { 3: "P0.2" }, ["0.1", "0.2-2", "0.2", "0.4", undefined]],
  // Dovecot writes nothing where the id is the name of the file.
  ["%v.%u", { 1: "P" }, ["17.M1.host", "0.2", "0.3", "0.4", undefined]],
  ["%f", { 2: "P17.M3.host" }, ["17.M1.host", "17.M3.host", "17.M3.host-2", "17.M4.host", undefined]],
  ["%g", { 2: "Gabc" }, ["17.M1.host", "abc", "17.M3.host", "17.M4.host", undefined]],
] as const)("gives ids by %s, with %j in the list of UIDs", async (format, fields, wanted) => {
  expect(await idsFor(format, fields)).toEqual(wanted);
});
