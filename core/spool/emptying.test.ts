import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Spool } from "../contracts/spool.ts";
import { diskError, failingFiles, type Saboteur } from "../testing/failing-files.ts";
import {
  acceptOne,
  contentOf,
  delivered,
  envelopeOf,
  freshDirectory,
  messageOf,
  openIn,
  recoveredIds,
  rememberingLog,
  snapshotOf,
  textFor,
} from "../testing/spool-fixture.ts";

const deferredNames = async (dir: string): Promise<string[]> =>
  (await readdir(join(dir, "deferred"), { recursive: true })).filter((name) => name.includes("/"));

/** Ids of messages that take a quarter of a segment each: the oldest have to leave the journal. */
async function fill(spool: Spool, count: number, prefix = "fill"): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  for (const id of ids) await acceptOne(spool, id, 12_000);
  return ids;
}

const change = (dueAt: number) => ({ attempts: 1, dueAt, lastReply: null, warnedAt: null });

describe("messages that outlive their segment", () => {
  it("get files of their own, with all that has happened to them, and are read as before", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "old");
    await spool.settle("old", 1, delivered);
    await spool.reschedule("old", change(9_000_000));
    const ids = await fill(spool, 20);
    expect((await deferredNames(dir)).length).toBeGreaterThan(5);
    for (const one of [spool, await openIn(await snapshotOf(dir))]) {
      expect((await one.read("old"))?.state).toEqual({ ...change(9_000_000), outcomes: { 1: delivered } });
      for (const id of ids) {
        expect(await one.read(id).then((entry) => entry && contentOf(entry.message))).toBe(textFor(id, 12_000));
      }
    }
  });

  it("keep outcomes that came later, through every later emptying and crash", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "old");
    await fill(spool, 10, "a");
    expect((await deferredNames(dir)).some((name) => name.endsWith(".old"))).toBe(true);
    await spool.settle("old", 1, delivered);
    await spool.reschedule("old", change(5_000));
    for (const prefix of ["b", "c"]) {
      const again = await openIn(await snapshotOf(dir));
      expect((await again.read("old"))?.state).toEqual({ ...change(5_000), outcomes: { 1: delivered } });
      await fill(spool, 12, prefix);
    }
    const again = await openIn(await snapshotOf(dir));
    expect((await again.read("old"))?.state.outcomes).toEqual({ 1: delivered });
  });

  it("are told in order of due time together with those in the journal, only when due, and each once", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const ids = await fill(spool, 24);
    const dueOf = (index: number) => ((index * 7) % 24) * 600_000;
    for (const [index, id] of ids.entries()) await spool.reschedule(id, change(dueOf(index)));
    await spool.close();
    const again = await openIn(dir);
    const inOrder = ids.toSorted((a, b) => dueOf(ids.indexOf(a)) - dueOf(ids.indexOf(b)));
    expect(await recoveredIds(again, 12 * 600_000)).toEqual(inOrder.slice(0, 12));
    await fill(again, 12, "more");
    const isOld = (id: string) => ids.includes(id);
    expect((await recoveredIds(again)).filter(isOld)).toEqual(inOrder);
  });

  it("are removed with their files, and stay removed", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const ids = await fill(spool, 20);
    for (const id of ids) await spool.remove(id);
    await spool.close();
    expect(await deferredNames(dir)).toEqual([]);
    const again = await openIn(dir);
    expect(await recoveredIds(again)).toEqual([]);
    await again.close();
    expect(await readdir(join(dir, "deferred"))).toEqual([]);
  });

  it("survive settle, reschedule, remove and read at the very moment they move", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const kept: string[] = [];
    const work: Promise<unknown>[] = [];
    for (let index = 0; index < 120; index += 1) {
      const id = `m${index}`;
      work.push(
        (async () => {
          await acceptOne(spool, id, 3000);
          await spool.settle(id, 1, delivered);
          if (index % 3 === 0) return spool.remove(id);
          kept.push(id);
          await spool.reschedule(id, change(index * 1000));
          await spool.read(id);
          await spool.settle(id, 2, delivered);
          await spool.reschedule(id, change(index * 2000));
        })(),
      );
      if (index % 8 === 7) await Promise.all(work.splice(0));
    }
    await Promise.all(work);
    for (const dirNow of [await snapshotOf(dir), await spool.close().then(() => dir)]) {
      const again = await openIn(dirNow);
      expect((await recoveredIds(again)).sort()).toEqual(kept.toSorted());
      for (const id of kept) expect((await again.read(id))?.state.outcomes).toEqual({ 1: delivered, 2: delivered });
    }
  });

  it("with thousands of recipients need no journal at all", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const recipients = Array.from({ length: 1000 }, (_, index) => ({
      ...{ id: index + 1, address: `user${index}@example.test`, orcpt: null, notify: [], parents: [] },
    }));
    const envelope = envelopeOf("many", { recipients });
    await spool.accept(envelope, messageOf(textFor("many")));
    await spool.settle("many", 7, delivered);
    for (const one of [spool, await openIn(await snapshotOf(dir))]) {
      const entry = await one.read("many");
      expect(entry?.envelope).toEqual(envelope);
      expect(entry?.state.outcomes).toEqual({ 7: delivered });
    }
  });
});

describe("emptying that fails", () => {
  const at: readonly (readonly [string, Saboteur])[] = [
    ["creating a file", (operation, path) => fail(operation === "create" && path.includes("/deferred/"))],
    ["flushing a file", (operation, path) => fail(operation === "flush" && path.includes("/deferred/"))],
    ["flushing a directory", (operation, path) => fail(operation === "flushDirectory" && path.includes("/deferred/0"))],
    ["giving up the segment", (operation, path) => fail(operation === "rename" && path.endsWith(".spare"))],
  ];
  const fail = (isHit: boolean): undefined => {
    if (isHit) throw diskError("EIO");
  };

  it.each(at)("at %s keeps the segment, loses nothing, doubles nothing, and goes on later", async (_, sabotage) => {
    const dir = await freshDirectory();
    const hand: { sabotage: Saboteur } = { sabotage };
    let nowMs = 1_000_000;
    const log = rememberingLog();
    const files = failingFiles((operation, path) => hand.sabotage(operation, path));
    const spool = await openIn(dir, { files, log, now: () => nowMs });
    const ids = await fill(spool, 10, "a");
    expect(log.lines.some((line) => line.text.includes("could not be emptied"))).toBe(true);
    const crashed = await openIn(await snapshotOf(dir));
    expect((await recoveredIds(crashed)).sort()).toEqual(ids.toSorted());
    for (const [index, id] of ids.entries()) await spool.reschedule(id, change(index));
    const [first = "", ...others] = ids;
    await spool.remove(first);
    hand.sabotage = () => undefined;
    nowMs += 60_000;
    const more = await fill(spool, 20, "b");
    await spool.close();
    const again = await openIn(dir);
    expect((await recoveredIds(again)).sort()).toEqual([...others, ...more].sort());
  });
});
