import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { UidList } from "./uidlist.ts";

let directory = "";
let list: UidList;
let bad: number[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-uidlist-"));
  bad = [];
  list = new UidList(directory, ({ lines }) => bad.push(...lines));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const replace = (text: string): void => {
  writeFileSync(join(directory, "new"), text);
  renameSync(join(directory, "new"), list.path);
};
const records = () => [...list.records.values()].map(({ uid, base }) => [uid, base]);

it("takes a list that was put in place of another for what it is, also where it has the other's inode and seems to grow", () => {
  for (let uid = 1; uid < 40; uid++) {
    replace(`3 V77 N99 Gabc\n${uid} X${"y".repeat(uid * 10)} :a\n`);
    expect(list.refresh()).toBe("replaced");
    expect(records()).toEqual([[uid, "a"]]);
  }
  expect(bad).toEqual([]);
});

it("reads what is appended, and half a line when the rest is there", () => {
  replace("3 V77 N1 Gabc\n1 :a\n2 Pu");
  expect(list.refresh()).toBe("replaced");
  expect(list.refresh()).toBe("unchanged");
  expect(records()).toEqual([[1, "a"]]);
  appendFileSync(list.path, "idl :b\n3 :");
  expect(list.refresh()).toBe("appended");
  expect(records()).toEqual([
    [1, "a"],
    [2, "b"],
  ]);
  appendFileSync(list.path, "c\nnonsense\n");
  expect(list.refresh()).toBe("appended");
  expect(list.records.get("b")?.fields).toBe("Puidl");
  expect(list.nextUid).toBe(4);
  expect(bad).toEqual([5]);
});

it("keeps UIDs of lines out of order unless somebody has them", () => {
  replace("3 V77 N1 Gabc\n5 :a\n3 :b\n5 :c\n2 :a\n6 :d\n");
  list.refresh();
  expect(records()).toEqual([
    [5, "a"],
    [6, "d"],
    [3, "b"],
  ]);
  expect(list.nextUid).toBe(7);
  expect(bad).toEqual([3, 4, 5]);
});

it.each(["", "\n", "2 V1 N1\n", "3 N5 Gabc\n", "3 V1 N0 Gabc\n", "3 V99999999999 N1 Gabc\n", "garbage\n1 :a\n"])(
  "has no list in %j",
  (text) => {
    replace(text);
    expect(list.refresh()).toBe("missing");
  },
);

it("reads version 1 and writes version 3", async () => {
  replace("1 77 9\n3 a\n7 b:2,S\n");
  list.refresh();
  expect([list.uidValidity, list.nextUid, records()]).toEqual([
    77,
    9,
    [
      [3, "a"],
      [7, "b"],
    ],
  ]);
  await list.assign(["c"]);
  const again = new UidList(directory, () => {});
  expect(again.refresh()).toBe("replaced");
  expect([...again.records.keys()]).toEqual(["a", "b", "c"]);
  expect([again.uidValidity, again.nextUid]).toEqual([77, 10]);
});

it("of a list that was made and lost in part, no UID is given to another message", async () => {
  await list.create(77, {
    nextUid: 1,
    records: ["a", "b", "c"].map((base, at) => ({ uid: at + 1, base, fields: "" })),
  });
  const whole = readFileSync(list.path);
  for (let length = whole.indexOf(10) + 1; length < whole.length; length++) {
    writeFileSync(list.path, whole.subarray(0, length));
    const again = new UidList(directory, () => {});
    expect(again.refresh()).toBe("replaced");
    const kept = again.records.size;
    const given = await again.assign(["x"]);
    expect([kept < 3, given[0]?.uid, again.uidValidity]).toEqual([true, 4, 77]);
    expect(new UidList(directory, () => {}).refresh()).toBe("replaced");
  }
});

it("writes a list anew that could not be flushed when it was made", async () => {
  let flushes = 0;
  const failing = new UidList(
    directory,
    () => {},
    async () => {
      flushes++;
      if (flushes === 1) throw new Error("EIO");
    },
  );
  await failing.create(77, { nextUid: 1, records: [{ uid: 1, base: "a", fields: "" }] });
  await expect(failing.settle()).rejects.toThrow("EIO");
  const { ino } = statSync(failing.path);
  await failing.assign(["b"]);
  expect([flushes, statSync(failing.path).ino === ino]).toEqual([2, false]);
  list.refresh();
  expect(records()).toEqual([
    [1, "a"],
    [2, "b"],
  ]);
});
