import { readdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Spool, SpoolSummary } from "../contracts/spool.ts";
import { diskError, failingFiles, type Saboteur } from "../testing/failing-files.ts";
import {
  acceptOne,
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
import { neverDue } from "./layout.ts";

const change = (dueAt: number, attempts = 1) => ({ attempts, dueAt, lastReply: null, warnedAt: null });

const namesOf = async (dir: string): Promise<string[]> =>
  (await readdir(join(dir, "deferred"), { recursive: true })).filter((name) => name.includes("/"));

/** Messages that take a quarter of a segment each: what was there before has to leave the journal. */
async function pushOut(spool: Spool, prefix: string, count = 12): Promise<void> {
  for (let index = 0; index < count; index += 1) await acceptOne(spool, `${prefix}${index}`, 12_000);
}

async function isTold(spool: Spool, id: string): Promise<boolean> {
  return (await recoveredIds(spool)).includes(id);
}

async function summaryOf(spool: Spool, id: string): Promise<SpoolSummary | undefined> {
  for await (const some of spool.list()) {
    const found = some.find((summary) => summary.id === id);
    if (found) return found;
  }
  return undefined;
}

const holdOf = async (spool: Spool, id: string) => {
  const entry = await spool.read(id);
  return entry && { hold: entry.envelope.hold, dueAt: entry.state.dueAt };
};

const held = { hold: "looks odd", dueAt: neverDue };
const free = { hold: null, dueAt: 0 };

/** Where the message is when it is held: in the journal, or in a file of its own. */
const places: readonly (readonly [string, (spool: Spool) => Promise<void>])[] = [
  ["in the journal", async () => {}],
  ["in a file of its own", (spool) => pushOut(spool, "before")],
];

describe.each(places)("a message %s that is held", (_, move) => {
  async function heldOne() {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "m");
    await spool.settle("m", 2, delivered);
    await spool.reschedule("m", change(5_000, 3));
    await move(spool);
    await spool.hold("m", "looks odd");
    return { dir, spool };
  }

  it("is never due, says why, and keeps what has happened to it; through a crash at once and through emptying", async () => {
    const { dir, spool } = await heldOne();
    const seen = [spool, await openIn(await snapshotOf(dir))];
    await pushOut(spool, "after");
    seen.push(await openIn(await snapshotOf(dir)));
    await spool.close();
    seen.push(await openIn(dir));
    for (const one of seen.slice(1)) {
      expect(await isTold(one, "m")).toBe(false);
      expect(await holdOf(one, "m")).toEqual(held);
      expect((await one.read("m"))?.state).toMatchObject({ attempts: 3, outcomes: { 2: delivered } });
      expect(await summaryOf(one, "m")).toMatchObject({ hold: "looks odd", dueAt: neverDue, attempts: 3 });
    }
  });

  it("is due at once when it is let go, and stays so after a crash", async () => {
    const { dir, spool } = await heldOne();
    await spool.hold("m", null);
    expect(await holdOf(spool, "m")).toEqual(free);
    const crashed = await openIn(await snapshotOf(dir));
    await pushOut(spool, "after");
    await spool.close();
    for (const one of [crashed, await openIn(dir)]) {
      expect(await isTold(one, "m")).toBe(true);
      expect(await holdOf(one, "m")).toEqual(free);
    }
  });

  it("may be let go twice and held twice: the last word counts", async () => {
    const { dir, spool } = await heldOne();
    await Promise.all([spool.hold("m", null), spool.hold("m", null)]);
    await Promise.all([spool.hold("m", "one"), spool.hold("m", "two")]);
    expect(await holdOf(spool, "m")).toEqual({ hold: "two", dueAt: neverDue });
    const again = await openIn(await snapshotOf(dir));
    expect(await holdOf(again, "m")).toEqual({ hold: "two", dueAt: neverDue });
    await spool.hold("m", null);
    await spool.reschedule("m", change(7_000));
    await pushOut(spool, "after");
    const free = await openIn(await snapshotOf(dir));
    expect(await holdOf(free, "m")).toEqual({ hold: null, dueAt: 7_000 });
  });

  it("stays held when it is rescheduled: the try that was under way does not let it go", async () => {
    const { dir, spool } = await heldOne();
    await spool.reschedule("m", change(9_000, 4));
    await pushOut(spool, "after");
    for (const one of [spool, await openIn(await snapshotOf(dir))]) {
      expect(await holdOf(one, "m")).toEqual(held);
      expect((await one.read("m"))?.state.attempts).toBe(4);
    }
  });

  it("can be settled, and removed for good", async () => {
    const { dir, spool } = await heldOne();
    await spool.settle("m", 1, delivered);
    const again = await openIn(await snapshotOf(dir));
    expect((await again.read("m"))?.state.outcomes).toEqual({ 1: delivered, 2: delivered });
    await spool.remove("m");
    await spool.close();
    expect(await (await openIn(dir)).read("m")).toBe(null);
    expect((await namesOf(dir)).filter((name) => name.endsWith(".m"))).toEqual([]);
  });

  it("meets a settlement, a reschedule and a removal at the same moment", async () => {
    const { dir, spool } = await heldOne();
    await Promise.all([spool.hold("m", "again"), spool.settle("m", 1, delivered), spool.reschedule("m", change(1))]);
    const again = await openIn(await snapshotOf(dir));
    expect(await holdOf(again, "m")).toEqual({ hold: "again", dueAt: neverDue });
    expect((await again.read("m"))?.state.outcomes[1]).toEqual(delivered);
    await Promise.all([spool.hold("m", "late"), spool.remove("m")]);
    expect(await spool.read("m")).toBe(null);
    await expect(spool.hold("m", "later")).rejects.toMatchObject({ code: "SPOOL_UNKNOWN" });
    await spool.close();
    expect(await (await openIn(dir)).read("m")).toBe(null);
  });
});

describe("a hold", () => {
  it("is kept from the start where a policy has said so", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await spool.accept(envelopeOf("m", { hold: "score 12" }), messageOf(textFor("m")));
    await pushOut(spool, "more");
    for (const one of [spool, await openIn(await snapshotOf(dir))]) {
      expect(await holdOf(one, "m")).toEqual({ hold: "score 12", dueAt: neverDue });
      expect(await isTold(one, "m")).toBe(false);
      await one.hold("m", null);
      expect(await holdOf(one, "m")).toEqual(free);
    }
    await spool.close();
    expect(await isTold(await openIn(dir), "m")).toBe(true);
  });

  it("reaches a message that nobody has asked for since the start", async () => {
    const dir = await freshDirectory();
    const first = await openIn(dir);
    await acceptOne(first, "m");
    await pushOut(first, "more");
    await first.close();
    const spool = await openIn(dir);
    await spool.hold("m", "found");
    await spool.close();
    expect(await holdOf(await openIn(dir), "m")).toEqual({ hold: "found", dueAt: neverDue });
  });

  it.each(["nobody", "../../etc/passwd"])("of %s is refused", async (id) => {
    const spool = await openIn(await freshDirectory());
    await expect(spool.hold(id, "why")).rejects.toMatchObject({ code: "SPOOL_UNKNOWN" });
    await expect(spool.hold(id, null)).rejects.toMatchObject({ code: "SPOOL_UNKNOWN" });
  });

  it("that cannot be written down is refused and not kept", async () => {
    const dir = await freshDirectory();
    const hand: { isBroken: boolean } = { isBroken: false };
    const sabotage: Saboteur = (operation, path) => {
      if (hand.isBroken && operation === "write" && path.includes("/journal/")) throw diskError("EIO");
      return undefined;
    };
    const spool = await openIn(dir, { files: failingFiles(sabotage) });
    await acceptOne(spool, "m");
    hand.isBroken = true;
    await expect(spool.hold("m", "why")).rejects.toThrow("EIO");
    hand.isBroken = false;
    expect(await holdOf(spool, "m")).toEqual(free);
    expect(await holdOf(await openIn(await snapshotOf(dir)), "m")).toEqual(free);
  });

  it("of a damaged file does not keep the journal from being emptied: the file is set aside, the rest goes on", async () => {
    const dir = await freshDirectory();
    const first = await openIn(dir);
    await acceptOne(first, "m");
    await acceptOne(first, "gone");
    await pushOut(first, "more");
    await first.close();
    const [name = ""] = (await namesOf(dir)).filter((one) => one.endsWith(".m"));
    await writeFile(join(dir, "deferred", name), "no record at all");
    const [gone = ""] = (await namesOf(dir)).filter((one) => one.endsWith(".gone"));
    const log = rememberingLog();
    const spool = await openIn(dir, { log });
    await spool.hold("m", "odd");
    await spool.settle("gone", 1, delivered);
    await unlink(join(dir, "deferred", gone));
    await pushOut(spool, "after", 30);
    expect(log.lines.some(({ text }) => text.includes("could not be emptied"))).toBe(false);
    expect((await readdir(join(dir, "damaged"))).filter((one) => one.startsWith("m."))).toHaveLength(1);
    expect(await spool.read("m")).toBe(null);
    expect(await spool.read("gone")).toBe(null);
    await spool.close();
    expect(await (await openIn(dir)).read("m")).toBe(null);
  });

  it("lasts where the file could not be given its new name before the crash", async () => {
    const dir = await freshDirectory();
    const hand: { isBroken: boolean } = { isBroken: false };
    const sabotage: Saboteur = (operation, path) => {
      if (hand.isBroken && operation === "rename" && path.includes("/deferred/")) throw diskError("EIO");
      return undefined;
    };
    const spool = await openIn(dir, { files: failingFiles(sabotage) });
    await acceptOne(spool, "m");
    await pushOut(spool, "more");
    hand.isBroken = true;
    await spool.hold("m", "looks odd");
    const copy = await snapshotOf(dir);
    expect((await namesOf(copy)).some((name) => name.endsWith("00000000000000.m"))).toBe(true);
    const again = await openIn(copy);
    expect(await isTold(again, "m")).toBe(false);
    expect(await holdOf(again, "m")).toEqual(held);
    await pushOut(again, "after");
    expect((await namesOf(copy)).some((name) => name.endsWith(`${neverDue}.m`))).toBe(true);
  });
});
