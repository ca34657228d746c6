/** What stores share, by itself; together with mail it is tested by the suite that each store runs. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MessageEntry } from "../contracts/mailbox-store.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "../mail/modified-utf7.ts";
import { annotationsIn, changeAnnotations } from "./annotations.ts";
import { changesIn } from "./changes.ts";
import { countBareLf, withCrlf } from "./crlf.ts";
import { dotlock } from "./dotlock.ts";
import { storeError } from "./errors.ts";
import { mailboxPath } from "./mailbox-path.ts";
import { Mutex } from "./mutex.ts";
import { PreparedLocks } from "./prepared-locks.ts";
import { changeText, readText } from "./small-file.ts";
import { ChunkedSnapshot } from "./snapshot.ts";
import { giveSpecialUse, moveSpecialUses, specialUsesIn } from "./special-use.ts";
import { changeSubscription, parseSubscriptions } from "./subscriptions.ts";

let directory = "";
const file = (name = "file"): string => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-mailbox-files-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it.each([
  ["a\nb\n", 0, 2, "a\r\nb\r\n"],
  ["a\r\nb\n", 0, 1, "a\r\nb\r\n"],
  // The CR was the end of the piece before.
  ["\nb", 13, 0, "\nb"],
  ["\nb", 0, 1, "\r\nb"],
  ["", 0, 0, ""],
])("line ends of %j behind octet %d lack %d CRs", (text, before, missing, whole) => {
  expect(countBareLf(Buffer.from(text), before)).toBe(missing);
  expect(withCrlf(Buffer.from(text), before).toString()).toBe(whole);
});

describe("a dotlock", () => {
  const wishes = { waitMs: 0, staleMs: 60_000 };

  it("is another name of a file that is kept for it, as long as that is there", async () => {
    mkdirSync(file("tmp"));
    const locks = new PreparedLocks();
    const keeping = { ...wishes, keep: { by: locks, in: file("tmp") } };
    const inode = async () => {
      const lock = await dotlock(file("x.lock"), keeping);
      expect(readFileSync(file("x.lock"), "latin1")).toBe(`${process.pid}:${hostname()}`);
      expect(await dotlock(file("x.lock"), keeping)).toBeNull();
      const { ino } = statSync(file("x.lock"));
      lock?.release();
      expect(existsSync(file("x.lock"))).toBe(false);
      return ino;
    };
    const first = await inode();
    expect(await inode()).toBe(first);
    const [name = ""] = readdirSync(file("tmp"));
    // Its inode is not given again while it has this name.
    renameSync(join(file("tmp"), name), file("elsewhere"));
    expect(await inode()).not.toBe(first);
    expect(readdirSync(file("tmp"))).toHaveLength(1);
    locks.close();
    expect(readdirSync(file("tmp"))).toEqual([]);
    await inode();
    expect(readdirSync(file("tmp"))).toEqual([]);
  });

  it("is not taken from another program by what is kept for it", async () => {
    mkdirSync(file("tmp"));
    const locks = new PreparedLocks();
    const keeping = { ...wishes, keep: { by: locks, in: file("tmp") } };
    (await dotlock(file("x.lock"), keeping))?.release();
    writeFileSync(file("x.lock"), `${process.ppid}:${hostname()}`);
    expect(await dotlock(file("x.lock"), keeping)).toBeNull();
    expect(readFileSync(file("x.lock"), "latin1")).toBe(`${process.ppid}:${hostname()}`);
    locks.close();
  });

  it("is one process's at a time, and leaves nothing behind", async () => {
    const lock = await dotlock(file("x.lock"), wishes);
    expect(await dotlock(file("x.lock"), wishes)).toBeNull();
    lock?.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ["a process of this host that is gone", `${2 ** 22 + 1}:${hostname()}`, 0, true],
    ["our own id, from before a restart", `${process.pid}:${hostname()}`, 0, true],
    ["one of this host that lives", `${process.ppid}:${hostname()}`, 3_600, false],
    ["another host, lately", "17:elsewhere.example", 0, false],
    ["another host, long ago", "17:elsewhere.example", 3_600, true],
    ["nobody, long ago", "", 3_600, true],
  ])("of %s is broken or not", async (_, holder, ageSeconds, isBroken) => {
    writeFileSync(file("x.lock"), holder);
    const seconds = Date.now() / 1000 - ageSeconds;
    utimesSync(file("x.lock"), seconds, seconds);
    const lock = await dotlock(file("x.lock"), wishes);
    expect(lock !== null).toBe(isBroken);
    lock?.release();
  });

  it("that is not ours any more is not taken away", async () => {
    const lock = await dotlock(file("x.lock"), wishes);
    rmSync(file("x.lock"));
    writeFileSync(file("x.lock"), "17:elsewhere.example");
    lock?.release();
    expect(existsSync(file("x.lock"))).toBe(true);
  });
});

it("small files take all changes of many at once, and stay as they were when one throws", async () => {
  const add = (word: string) => changeText(file(), (text) => `${text}${word}\n`);
  await Promise.all(Array.from({ length: 20 }, (_, index) => add(`w${index}`)));
  expect(readText(file()).trim().split("\n").sort()).toEqual(
    Array.from({ length: 20 }, (_, index) => `w${index}`).sort(),
  );
  const before = readText(file());
  const broken = () => {
    throw new Error("no");
  };
  await expect(changeText(file(), broken)).rejects.toThrow("no");
  expect([readText(file()), readdirSync(directory)]).toEqual([before, ["file"]]);
  expect(readText(file("none"))).toBe("");
});

it("special uses follow names, are given once, and may be taken from a usual name", async () => {
  const usual = { Sent: "\\Sent", Trash: "\\Trash" };
  await giveSpecialUse(file(), "Gesendet ü", "\\Sent");
  expect([...specialUsesIn(file(), ["Sent", "Trash"], usual)]).toEqual([
    ["Gesendet ü", "\\Sent"],
    ["Trash", "\\Trash"],
  ]);
  await expect(giveSpecialUse(file(), "Other", "\\Sent")).rejects.toMatchObject({ code: "cannot" });
  await moveSpecialUses(file(), (name) => (name === "Gesendet ü" ? "Out" : name));
  await giveSpecialUse(file(), "Trash", null);
  expect([...specialUsesIn(file(), ["Sent", "Trash"], usual)]).toEqual([["Out", "\\Sent"]]);
});

describe("subscriptions", () => {
  const spelling = { separator: ".", encode: encodeModifiedUtf7, decode: decodeModifiedUtf7 };

  it.each([
    ["V\t2\n\nA\tB\nEntw&APw-rfe\n", 2, ["A/B", "Entwürfe"], []],
    ["A.B\nA..B\n&\n", 1, ["A/B"], ["A..B", "&"]],
    ["", 2, [], []],
  ])("are read from %j", (text, version, names, others) => {
    expect(parseSubscriptions(text, spelling)).toEqual({ version, names, others });
  });

  it("keep the version of their file, and the lines that stand for nothing", async () => {
    writeFileSync(file(), "A.B\nA..B\n");
    await changeSubscription(file(), { name: "ü", isSubscribed: true, spelling });
    await changeSubscription(file(), { name: "A/B", isSubscribed: false, spelling });
    expect(readFileSync(file(), "utf8")).toBe("A..B\n&APw-\n");
    await changeSubscription(file("new"), { name: "A/B", isSubscribed: true, spelling });
    expect(readFileSync(file("new"), "utf8")).toBe("V\t2\n\nA\tB\n");
  });
});

it("annotations are bounded, and shared ones of the server are not the account's", async () => {
  const place = { file: file(), isServer: false };
  await changeAnnotations(place, new Map([["/private/comment", Buffer.from("x")]]));
  expect([...annotationsIn(place).keys()]).toEqual(["/private/comment"]);
  await changeAnnotations(place, new Map([["/private/comment", null]]));
  expect(annotationsIn(place).size).toBe(0);
  const large = new Map([["/private/comment", Buffer.alloc(65_537)]]);
  await expect(changeAnnotations(place, large)).rejects.toMatchObject({ code: "limit" });
  const shared = new Map([["/shared/comment", Buffer.from("x")]]);
  await expect(changeAnnotations({ ...place, isServer: true }, shared)).rejects.toMatchObject({ code: "noPermission" });
});

describe("where mail lives", () => {
  const account = (login: string, home = "/home/x") => ({ login, addresses: [], home, quotaBytes: null });

  it.each([
    ["{home}/Maildir/", "ann@example.org", "/home/x/Maildir"],
    ["mail/{domain}/{user}/", "ann@example.org", "/etc/postern/mail/example.org/ann"],
  ])("%s for %s is %s", (template, login, path) => {
    expect(mailboxPath(template, account(login), "/etc/postern")).toBe(path);
  });

  it.each(["../x@example.org", "..@example.org", "a/b@example.org", "a\0@example.org", "@example.org"])(
    "is nowhere for %j",
    (login) => {
      expect(() => mailboxPath("{user}", account(login), "/etc")).toThrow(expect.objectContaining({ code: "cannot" }));
    },
  );
});

it("faults of the file system are told by what they mean", () => {
  const code = (errno: string) => storeError(Object.assign(new Error("x"), { code: errno })).code;
  expect(["EDQUOT", "ENOSPC", "EACCES", "ELOOP", "EIO"].map(code)).toEqual([
    ...["overQuota", "unavailable", "noPermission", "noPermission", "unavailable"],
  ]);
});

it("a mutex runs one after the other, also after one that failed", async () => {
  const mutex = new Mutex();
  const order: number[] = [];
  const failing = mutex.run(() => Promise.reject(new Error("no")));
  const turns = [1, 2, 3].map((turn) =>
    mutex.run(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(turn);
    }),
  );
  expect(mutex.isBusy).toBe(true);
  await expect(failing).rejects.toThrow("no");
  await Promise.all(turns);
  expect(order).toEqual([1, 2, 3]);
});

it("a snapshot stays as it is while the next is made from it, over many chunks", () => {
  const entry = (uid: number, modseq = 1): MessageEntry => ({
    ...{ uid, modseq, flags: new Set(uid % 2 ? ["\\Seen"] : []), internalDate: 0, saveDate: null, sizeBytes: uid },
  });
  const nothing = { removed: new Set<number>(), replaced: new Map<number, MessageEntry>() };
  const uids = Array.from({ length: 3_000 }, (_, index) => index + 1);
  const facts = { uidNext: 3_001, highestModseq: 2 };
  const first = ChunkedSnapshot.empty<MessageEntry>().edited({
    ...nothing,
    ...facts,
    appended: uids.map((uid) => entry(uid)),
  });
  const removed = new Set(uids.filter((uid) => uid % 3 === 0));
  const second = first.edited({
    removed,
    replaced: new Map([[1, entry(1, 7)]]),
    appended: [],
    uidNext: 3_001,
    highestModseq: 7,
  });
  expect([first.size, first.unseen, second.size, second.unseen]).toEqual([3_000, 1_500, 2_000, 1_000]);
  expect([...second].map(({ uid }) => uid)).toEqual(uids.filter((uid) => uid % 3 !== 0));
  expect([first.find(3)?.uid, second.find(3), second.find(1)?.modseq, second.indexOf(3)]).toEqual([3, null, 7, 2]);
  expect(second.at(2)).toBe(first.find(4));
  expect(() => second.at(2_000)).toThrow(RangeError);
  const { changed, vanished, isExact } = changesIn(second, 2, () => null);
  expect([changed, vanished.length, isExact]).toEqual([[1], 1_000, false]);
});
