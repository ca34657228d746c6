import { appendFile, readdir, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Spool, SpoolSummary } from "../contracts/spool.ts";
import { diskError, failingFiles, type Operation } from "../testing/failing-files.ts";
import {
  acceptOne,
  delivered,
  envelopeOf,
  freshDirectory,
  messageOf,
  openIn,
  rememberingLog,
  snapshotOf,
  textFor,
} from "../testing/spool-fixture.ts";
import { viewSpool } from "./view.ts";

const change = (dueAt: number, attempts = 1) => ({
  ...{ attempts, dueAt, warnedAt: null },
  lastReply: { code: 450, status: "4.2.0", text: "läter", host: "mx.example.org" },
});

async function listed(spool: Spool): Promise<SpoolSummary[]> {
  const found: SpoolSummary[] = [];
  for await (const some of spool.list()) found.push(...some);
  return found.sort((one, other) => (one.id < other.id ? -1 : 1));
}
const idsOf = async (spool: Spool) => (await listed(spool)).map(({ id }) => id);

const catalogueOf = (dir: string) => join(dir, "catalogue");

/** A message that has a file, one that is only in the journal, and those that pushed the first one out. */
async function mixed(dir: string, how: Parameters<typeof openIn>[1] = {}) {
  const spool = await openIn(dir, how);
  const recipients = ["a@example.org", "b@example.org", "c@example.org"].map((address, index) => ({
    ...{ id: index + 1, address, orcpt: null, notify: [], parents: [] },
  }));
  await spool.accept(envelopeOf("old", { recipients }), messageOf(textFor("old")));
  await spool.settle("old", 2, delivered);
  await spool.reschedule("old", change(5_000, 3));
  for (let index = 0; index < 14; index += 1) await acceptOne(spool, `more${index}`, 12_000);
  await acceptOne(spool, "young");
  await spool.reschedule("young", change(6_000));
  // Facts keep their order: when this is on disk, so is the due time.
  await spool.settle("young", 2, delivered);
  return spool;
}

const mixedIds = ["old", "young", ...Array.from({ length: 14 }, (_, index) => `more${index}`)].sort();

const old: SpoolSummary = {
  ...{ id: "old", origin: "smtp", reversePath: "sender@example.org", login: null, acceptedAt: 1_700_000_000_000 },
  ...{ sizeBytes: textFor("old").length, dueAt: 5_000, attempts: 3, hold: null },
  lastReply: change(0).lastReply,
  ...{ open: ["a@example.org", "c@example.org"], openCount: 2 },
};

/** Which files in `deferred/` are read. */
function counting() {
  const opened: string[] = [];
  const files = failingFiles((operation: Operation, path: string) => {
    if (operation === "openRead" && path.includes("/deferred/")) opened.push(path);
    return undefined;
  });
  return { opened, files };
}

describe("a list", () => {
  it("tells of what is in the journal and what has a file, each once, as things are", async () => {
    const dir = await freshDirectory();
    const spool = await mixed(dir);
    for (const one of [spool, await openIn(await snapshotOf(dir))]) {
      const found = await listed(one);
      expect(found.map(({ id }) => id)).toEqual(mixedIds);
      expect(found.find(({ id }) => id === "old")).toEqual(old);
      expect(found.find(({ id }) => id === "young")).toMatchObject({ dueAt: 6_000, attempts: 1, openCount: 1 });
    }
  });

  it("reads no message's file where the catalogue knows it, after a restart either", async () => {
    const dir = await freshDirectory();
    await (await mixed(dir)).close();
    const { opened, files } = counting();
    const again = await openIn(dir, { files });
    expect(await idsOf(again)).toEqual(mixedIds);
    expect(opened).toEqual([]);
  });

  it("is up to date with what happened since to a message with a file", async () => {
    const dir = await freshDirectory();
    const spool = await mixed(dir);
    await spool.settle("old", 1, delivered);
    const settled = { ...old, open: ["c@example.org"], openCount: 1 };
    const find = async (one: Spool) => (await listed(one)).find(({ id }) => id === "old");
    expect(await find(spool)).toEqual(settled);
    await spool.reschedule("old", change(9_000, 4));
    expect(await find(spool)).toEqual({ ...settled, dueAt: 9_000, attempts: 4 });
    expect(await find(await openIn(await snapshotOf(dir)))).toEqual({ ...settled, dueAt: 9_000, attempts: 4 });
    await spool.remove("old");
    expect(await find(spool)).toBe(undefined);
    await spool.close();
    expect(await find(await openIn(dir))).toBe(undefined);
  });

  it("names a hundred recipients of a thousand, and says how many are open", async () => {
    const spool = await openIn(await freshDirectory());
    const recipients = Array.from({ length: 1000 }, (_, index) => ({
      ...{ id: index + 1, address: `user${index}@example.test`, orcpt: null, notify: [], parents: [] },
    }));
    await spool.accept(envelopeOf("many", { recipients }), messageOf(textFor("many")));
    await spool.settle("many", 1, delivered);
    const [many] = await listed(spool);
    expect(many).toMatchObject({ openCount: 999 });
    expect(many?.open).toEqual(recipients.slice(1, 101).map(({ address }) => address));
  });

  it("shows what was held before a crash that lost what the catalogue had yet to write", async () => {
    const dir = await freshDirectory();
    const spool = await mixed(dir);
    for (const reason of ["one", null, "two", null, "three"]) await spool.hold("old", reason);
    const again = await openIn(await snapshotOf(dir));
    expect((await listed(again)).find(({ id }) => id === "old")).toMatchObject({ hold: "three", attempts: 3 });
  });

  it("misses nothing and tells nothing twice while messages move", async () => {
    const dir = await freshDirectory();
    const spool = await mixed(dir);
    await unlinkCatalogue(dir, spool);
    const seen: string[] = [];
    let moves = 0;
    for await (const some of spool.list()) {
      seen.push(...some.map(({ id }) => id));
      for (const other of ["old", "more0", "more1"]) {
        moves += 1;
        await spool.reschedule(other, change(moves * 3_000_000));
      }
    }
    expect(seen.sort()).toEqual(mixedIds);
  });

  it("ends when the spool does, and may be left at any time", async () => {
    const spool = await mixed(await freshDirectory());
    for await (const _ of spool.list()) break;
    const list = spool.list()[Symbol.asyncIterator]();
    await list.next();
    await spool.close();
    expect((await list.next()).done).toBe(true);
    await expect(spool.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "SPOOL_CLOSED" });
  });
});

async function unlinkCatalogue(dir: string, spool: Spool): Promise<void> {
  await listed(spool);
  await writeFile(catalogueOf(dir), "");
}

describe("a catalogue that is", () => {
  const harm: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ["gone", (path) => unlink(path)],
    ["empty", (path) => writeFile(path, "")],
    ["garbage", (path) => writeFile(path, Buffer.alloc(3_000_000, 0xa5))],
    ["garbage at its end", (path) => appendFile(path, "deadbeef 00000000005000.old {")],
    ["cut off", async (path) => writeFile(path, (await readFile(path)).subarray(0, -20))],
    ["full of flipped bits", async (path) => writeFile(path, flipped(await readFile(path)))],
    ["of an earlier time", async (path) => writeFile(path, stale(await readFile(path, "utf8")))],
  ];
  const flipped = (bytes: Buffer) => bytes.map((byte, at) => (at % 97 === 50 ? byte ^ 0x10 : byte));
  const stale = (text: string) => text.replaceAll("00000000005000.old", "00000000004000.old");

  it.each(harm)("%s is made again from the files, and is whole afterwards", async (_, damage) => {
    const dir = await freshDirectory();
    await (await mixed(dir)).close();
    await damage(catalogueOf(dir));
    const first = await openIn(dir);
    const found = await listed(first);
    expect(found.map(({ id }) => id)).toEqual(mixedIds);
    expect(found.find(({ id }) => id === "old")).toEqual(old);
    await first.close();
    const { opened, files } = counting();
    expect(await idsOf(await openIn(dir, { files }))).toEqual(mixedIds);
    expect(opened).toEqual([]);
  });

  it("one that cannot be written is dropped, logged, and in nobody's way; the next list begins it anew", async () => {
    const dir = await freshDirectory();
    const hand = { isBroken: true };
    const log = rememberingLog();
    const files = failingFiles((operation, path) => {
      if (hand.isBroken && path === catalogueOf(dir) && operation !== "unlink") throw diskError("ENOSPC");
      return undefined;
    });
    const spool = await mixed(dir, { files, log });
    await spool.hold("old", "why");
    expect(await idsOf(spool)).toEqual(mixedIds);
    expect(log.lines.some(({ text }) => text.includes("catalogue has been dropped"))).toBe(true);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    hand.isBroken = false;
    for (let round = 0; round < 2; round += 1) expect(await idsOf(spool)).toEqual(mixedIds);
    expect((await stat(catalogueOf(dir))).size).toBeGreaterThan(500);
  });

  it("never touched by messages that are delivered at once", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits: { maxSegments: 8 } });
    for (let index = 0; index < 60; index += 1) {
      await acceptOne(spool, `m${index}`, 3000);
      await spool.settle(`m${index}`, 1, delivered);
      await spool.remove(`m${index}`);
    }
    await spool.close();
    expect(await readdir(dir)).not.toContain("catalogue");
  });
});

describe("a damaged file", () => {
  it("is set aside when a list comes by it, logged, and the rest is listed; held messages too", async () => {
    const dir = await freshDirectory();
    const first = await mixed(dir);
    await first.hold("old", "odd");
    await first.close();
    await unlink(catalogueOf(dir));
    const names = (await readdir(join(dir, "deferred"), { recursive: true })).filter((name) => name.endsWith(".old"));
    for (const name of names) await writeFile(join(dir, "deferred", name), "no record at all");
    const log = rememberingLog();
    const spool = await openIn(dir, { log });
    expect(await idsOf(spool)).toEqual(mixedIds.filter((id) => id !== "old"));
    expect((await readdir(join(dir, "damaged"))).filter((name) => name.startsWith("old."))).toHaveLength(1);
    expect(log.lines.some(({ level, text }) => level === "error" && text.includes("set aside"))).toBe(true);
    expect(await spool.read("old")).toBe(null);
    await expect(spool.hold("old", null)).rejects.toMatchObject({ code: "SPOOL_UNKNOWN" });
  });
});

describe("a view of a spool that nobody works on", () => {
  const viewed = async (dir: string, files = failingFiles(() => undefined)) => {
    const log = rememberingLog();
    const view = await viewSpool({ dir, log, files });
    const found: SpoolSummary[] = [];
    for await (const some of view.list()) found.push(...some);
    await view.close();
    return { found: found.sort((one, other) => (one.id < other.id ? -1 : 1)), log };
  };
  const everything = async (dir: string) =>
    (await readdir(dir, { recursive: true })).filter((name) => name !== "catalogue").sort();

  it("tells what the spool would tell, and changes nothing in it", async () => {
    const dir = await freshDirectory();
    const spool = await mixed(dir);
    await spool.hold("more3", "looks odd");
    await spool.remove("more4");
    const crashed = await snapshotOf(dir);
    const before = await everything(crashed);
    const { found } = await viewed(crashed);
    expect(await everything(crashed)).toEqual(before);
    expect(found).toEqual(await listed(spool));
    expect(found).toEqual(await listed(await openIn(crashed)));
  });

  it("reads what the catalogue lacks from the files, once", async () => {
    const dir = await freshDirectory();
    await (await mixed(dir)).close();
    await unlink(catalogueOf(dir));
    const first = counting();
    expect((await viewed(dir, first.files)).found.map(({ id }) => id)).toEqual(mixedIds);
    expect(first.opened.length).toBeGreaterThan(0);
    const second = counting();
    expect((await viewed(dir, second.files)).found.map(({ id }) => id)).toEqual(mixedIds);
    expect(second.opened).toEqual([]);
  });

  it("leaves out what is damaged, and leaves it where it is", async () => {
    const dir = await freshDirectory();
    await (await mixed(dir)).close();
    await unlink(catalogueOf(dir));
    const name = (await everything(dir)).find((one) => one.endsWith(".old")) ?? "";
    await writeFile(join(dir, name), "nonsense");
    const { found, log } = await viewed(dir);
    expect(found.map(({ id }) => id)).toEqual(mixedIds.filter((id) => id !== "old"));
    expect(log.lines.map(({ text }) => text)).toEqual(["spool: a list lacks what could not be read"]);
    expect(await everything(dir)).toContain(name);
    expect(await readdir(join(dir, "damaged"))).toEqual([]);
  });

  it("is refused where somebody works", async () => {
    const dir = await freshDirectory();
    await openIn(dir);
    await expect(viewed(dir)).rejects.toMatchObject({ code: "DIRECTORY_IN_USE" });
  });
});
