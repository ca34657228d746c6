/** What the index of mailboxes saves, and that nothing but time is lost with it. */
import fs from "node:fs";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Mailbox, MailboxIndex } from "postern/plugin";
import { keptLog, type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MaildirStore } from "./store.ts";
import { quietLog } from "./testing/quiet-log.ts";

let home = "";
let index: TemporaryMailboxIndex;
let stores: MaildirStore[] = [];
const logged = keptLog();
const cur = () => join(home, "Maildir", "cur");

/** As another process has it. */
async function processOf(own: MailboxIndex | null = index.open()): Promise<AccountMailboxes> {
  const store = new MaildirStore({
    ...{ path: "{home}/Maildir/", configDir: "/", specialUse: {}, maxWatches: 0, checkEvery: 60_000 },
    ...{ log: quietLog, clock: Date, notifier: null, index: own },
  });
  stores.push(store);
  return store.of({ login: "someone", addresses: [], home, quotaBytes: null });
}

/** Messages that lie there for long: listings of them settle at once. */
async function fill(count: number, from = 1): Promise<void> {
  for (const step of ["cur", "new", "tmp"]) await mkdir(join(home, "Maildir", step), { recursive: true });
  for (let number = from; number < from + count; number++) {
    const text = `From: <a@example.org>\nSubject: m${number}\n\nHello ${number}.\n`;
    await writeFile(join(cur(), `${1_600_000_000 + number}.M1P1Q${number}.host:2,${number % 2 ? "S" : ""}`), text);
  }
  await settle();
}

async function settle(): Promise<void> {
  for (const step of ["cur", "new"]) await utimes(join(home, "Maildir", step), 1_700_000_000, Math.random() * 1e9);
}

/** Calls of the file system while `work` runs, by name. */
async function callsIn(work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
  const calls = new Map<string, number>();
  const restore: (() => void)[] = [];
  const watch = (module: object, names: readonly string[]) => {
    for (const name of names) {
      const original = Reflect.get(module, name) as (...all: unknown[]) => unknown;
      const counted = function (this: unknown, ...all: unknown[]): unknown {
        calls.set(name, (calls.get(name) ?? 0) + 1);
        return Reflect.apply(original, this, all);
      };
      Reflect.set(module, name, counted);
      restore.push(() => Reflect.set(module, name, original));
    }
  };
  watch(fs, ["openSync", "readSync", "readFileSync", "readdirSync", "statSync", "lstatSync", "fstatSync"]);
  watch(fs, ["writeFileSync", "writeSync", "renameSync", "linkSync", "unlinkSync", "utimesSync"]);
  watch(fs.promises, ["readdir", "open", "stat", "lstat", "readFile"]);
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    for (const step of restore) step();
    syncBuiltinESMExports();
  }
  return calls;
}

const total = (calls: ReadonlyMap<string, number>): number =>
  [...calls.values()].reduce((sum, count) => sum + count, 0);
const statesOf = ({ snapshot }: Mailbox) =>
  Array.from({ length: snapshot.size }, (_, at) => {
    const { uid, flags, modseq, sizeBytes, internalDate } = snapshot.at(at);
    return { uid, flags: [...flags].sort(), modseq, sizeBytes, internalDate };
  });
const opened = async (mail: AccountMailboxes): Promise<Mailbox> => mail.open("INBOX", { isReadOnly: true });

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "postern-indexed-"));
  index = await temporaryMailboxIndex(logged.log);
});
afterEach(async () => {
  for (const store of stores) store.stop();
  stores = [];
  await index.remove();
  await rm(home, { recursive: true, force: true });
});

describe("a mailbox that is opened for the first time", () => {
  it("is the same to two processes that come at once, with UIDs for what is delivered meanwhile", async () => {
    await fill(200);
    const mails = [await processOf(), await processOf(), await processOf(null)];
    const opening = mails.map(opened);
    await writeFile(join(home, "Maildir", "new", "1900000000.M1P1Q1.host"), "Subject: late\n\nHello.\n");
    const boxes = await Promise.all(opening);
    for (const box of boxes) await box.sync();
    const seen = boxes.map((box) => [box.uidValidity, box.mailboxId, statesOf(box).map(({ uid }) => uid)]);
    expect(seen[0]?.[2]).toEqual(Array.from({ length: 201 }, (_, at) => at + 1));
    expect(seen).toEqual([seen[0], seen[0], seen[0]]);
    for (const box of boxes) await box.close();
  });

  it("has the same UIDs when the process was killed before its list was flushed, and goes on above them when that was cut off", async () => {
    await fill(40);
    const first = await opened(await processOf());
    const { uidValidity } = first;
    const uids = statesOf(first).map(({ uid }) => uid);
    const again = await opened(await processOf());
    expect([again.uidValidity, statesOf(again).map(({ uid }) => uid)]).toEqual([uidValidity, uids]);
    for (const box of [first, again]) await box.close();
    await index.close();
    const list = join(home, "Maildir", "dovecot-uidlist");
    await truncate(list, (await readFile(list, "utf8")).indexOf("\n21 ") + 5);
    const later = await opened(await processOf());
    const expected = uids.map((uid) => (uid <= 20 ? uid : uid + 20));
    expect([later.uidValidity, statesOf(later).map(({ uid }) => uid)]).toEqual([uidValidity, expected]);
    await later.close();
  });

  it("is listed once, also where its directories have just changed", async () => {
    await fill(20);
    // The index lists directories of its own when it is opened.
    const mail = await processOf(null);
    // Seconds from now: no listing counts as settled.
    for (const step of ["cur", "new"]) await utimes(join(home, "Maildir", step), new Date(), Date.now() / 1000 + 5);
    const calls = await callsIn(async () => {
      const first = await opened(mail);
      expect(statesOf(first).map(({ uid }) => uid)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
      await first.close();
    });
    expect(calls.get("readdir")).toBe(2);
  });
});

describe("a mailbox whose list of UIDs is ahead of the index", () => {
  it("is compared with the disk, as the index does not know what those UIDs are of", async () => {
    await fill(5);
    await (await opened(await processOf())).close();
    // Given by a process that has not registered it yet, or by a program that knows no index; the message has gone since.
    await appendFile(join(home, "Maildir", "dovecot-uidlist"), "6 :1600000006.M1P1Q6.host\n");
    const mine = await opened(await processOf());
    expect(mine.snapshot.size).toBe(5);
    expect(mine.snapshot.uidNext).toBe(7);
    await mine.close();
  });
});

describe("a mailbox in which nothing is new", () => {
  it("is opened without a listing, at a cost in file operations that its size does not change", async () => {
    const costs: number[] = [];
    for (const count of [20, 2_000]) {
      await fill(count, 1);
      const first = await opened(await processOf());
      const before = statesOf(first);
      expect(before).toHaveLength(count);
      await first.close();
      // Other processes that use the index are looked at, too: let there be none.
      await index.close();
      const mail = await processOf();
      await mail.list();
      const calls = await callsIn(async () => {
        const again = await opened(mail);
        // Sizes and dates were found out by the first process.
        expect(statesOf(again)).toEqual(before);
        await again.close();
      });
      expect(calls.get("readdir") ?? 0).toBe(0);
      costs.push(total(calls));
    }
    expect(costs[1]).toBe(costs[0]);
    expect(costs[1]).toBeLessThan(60);
  });

  it("is compared with the disk in a few file operations, and not listed when another process has done so", async () => {
    await fill(50);
    const mine = await opened(await processOf());
    const theirs = await opened(await processOf());
    await writeFile(join(cur(), "1700000001.M1P1Q1.other:2,F"), "Subject: new\n\n");
    await settle();
    await theirs.sync();
    const calls = await callsIn(() => mine.sync());
    expect(calls.get("readdir") ?? 0).toBe(0);
    expect(statesOf(mine)).toEqual(statesOf(theirs));
    expect(mine.snapshot.size).toBe(51);
    await mine.close();
    await theirs.close();
  });

  it("shows what lists show without opening a message twice", async () => {
    await fill(3);
    const first = await opened(await processOf());
    const overview = await first.overview(2);
    expect(overview).toMatchObject({ envelope: { subject: "m2" } });
    const structure = await first.structure(2);
    const gist = await first.gist(2);
    expect(gist).toMatchObject({ preview: "Hello 2." });
    await first.close();
    await index.close();
    const again = await opened(await processOf());
    const calls = await callsIn(async () => {
      expect(again.overview(2)).toEqual(overview);
      expect(again.structure(2)).toEqual(structure);
      expect(again.gist(2)).toEqual(gist);
    });
    expect(total(calls)).toBe(0);
    await again.close();
  });
});

describe("without its index", () => {
  it("a mailbox has the same messages, and modseqs above all that it ever had", async () => {
    await fill(30);
    const mail = await processOf();
    const inbox = await mail.open("INBOX");
    await inbox.store([3], { mode: "add", flags: ["\\Flagged"] });
    await inbox.store([4], { mode: "add", flags: ["\\Deleted"] });
    await inbox.expunge(null);
    const before = await inbox.sync();
    const states = statesOf(inbox).map(({ uid, flags }) => ({ uid, flags }));
    await inbox.close();
    await index.close();
    await rm(index.directory, { recursive: true });
    const again = await opened(await processOf());
    expect(statesOf(again).map(({ uid, flags }) => ({ uid, flags }))).toEqual(states);
    expect(again.uidValidity).toBe(inbox.uidValidity);
    expect(statesOf(again).every(({ modseq }) => modseq > before.highestModseq)).toBe(true);
    const changes = await again.changesSince(before.highestModseq);
    expect(changes.changed).toHaveLength(29);
    expect(changes).toMatchObject({ isExact: false, vanished: [{ first: 4, last: 4 }] });
    await again.close();
  });

  it.each<[string, (file: string) => Promise<void>]>([
    ["cut off", (file) => truncate(file, 8_192)],
    ["of noise", async (file) => writeFile(file, Buffer.alloc((await readFile(file)).length, "no LMDB"))],
    ["gone", (file) => unlink(file)],
  ])("(%s) a mailbox opens, and the index begins anew", async (_, damage) => {
    await fill(30);
    const first = await opened(await processOf());
    const { highestModseq } = first.snapshot;
    await first.close();
    await index.close();
    for (const shard of await readdir(index.directory)) await damage(join(index.directory, shard, "1", "data.mdb"));
    const again = await opened(await processOf());
    expect(again.snapshot.size).toBe(30);
    expect(again.snapshot.highestModseq).toBeGreaterThan(highestModseq);
    await again.close();
    const third = await opened(await processOf());
    expect(statesOf(third)).toEqual(statesOf(again));
    await third.close();
  });

  it("a record that is not what was written condemns it, and the mailbox goes on", async () => {
    await fill(30);
    const first = await opened(await processOf());
    await first.close();
    await index.close();
    for (const shard of await readdir(index.directory)) {
      const file = join(index.directory, shard, "1", "data.mdb");
      const bytes = await readFile(file);
      // A name of a file, spoilt in every copy that the pages hold.
      for (let at = bytes.indexOf("Q7.host"); at !== -1; at = bytes.indexOf("Q7.host", at)) bytes[at] = 88;
      await writeFile(file, bytes);
    }
    const again = await opened(await processOf());
    expect(again.snapshot.size).toBe(30);
    expect(logged.lines.some(({ text }) => text === "mailbox index: cannot be used")).toBe(true);
    await again.close();
    const third = await opened(await processOf());
    expect(third.snapshot.size).toBe(30);
    await third.close();
  });

  it("processes with and without one agree on all but the modseqs", async () => {
    await fill(10);
    const [mine, theirs] = [await (await processOf()).open("INBOX"), await (await processOf(null)).open("INBOX")];
    await theirs.store([2], { mode: "add", flags: ["\\Flagged", "Word"] });
    await mine.store([3], { mode: "add", flags: ["\\Deleted"] });
    await mine.expunge(null);
    await settle();
    const of = (mailbox: Mailbox) => statesOf(mailbox).map(({ modseq: _, ...state }) => state);
    await mine.sync();
    await theirs.sync();
    expect(of(mine)).toEqual(of(theirs));
    await mine.close();
    await theirs.close();
  });
});
