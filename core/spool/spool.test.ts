import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Message } from "../contracts/envelope.ts";
import { SpoolFull, type SpoolOutcome } from "../contracts/spool.ts";
import {
  acceptOne,
  contentOf,
  delivered,
  envelopeOf,
  freshDirectory,
  messageOf,
  openIn,
  recoveredIds,
  snapshotOf,
  textFor,
} from "../testing/spool-fixture.ts";

const failed: SpoolOutcome = { at: "failed", reply: { code: 550, status: "5.1.1", text: "no such user", host: "mx" } };

describe("a message in the spool", () => {
  it("is read back byte for byte, before and after a crash", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const text = `Subject: caf\u00e9\r\nX-Folded: a\r\n b\r\n\r\n\u0000binary\r\n.dot\r\n`;
    const envelope = envelopeOf("m1", { labels: { "spam-score": 3 }, reversePath: null, isSmtpUtf8: true });
    const message = messageOf(text);
    await spool.accept(envelope, message);

    for (const one of [spool, await openIn(await snapshotOf(dir))]) {
      const entry = await one.read("m1");
      expect(entry?.envelope).toEqual(envelope);
      expect(entry && (await contentOf(entry.message))).toBe(await contentOf(message));
      expect(entry?.message.headers.get("x-folded")).toBe("a b");
      expect(entry?.state).toEqual({ attempts: 0, dueAt: 0, lastReply: null, warnedAt: null, outcomes: {} });
    }
  });

  it.each([
    ["without a header", "\r\nonly a body"],
    ["without an empty line", "Subject: x\r\n"],
    ["of nothing", ""],
  ])("may be %s", async (_, text) => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const intake = spool.receive(null);
    if (text) await intake.write(Buffer.from(text));
    await spool.accept(envelopeOf("m1"), await intake.end());
    const entry = await (await openIn(await snapshotOf(dir))).read("m1");
    expect(entry && (await contentOf(entry.message))).toBe(text);
  });

  it("may be one that a plugin made, of which only the stream is known", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const text = textFor("m1", 5000);
    const foreign: Message = {
      sizeBytes: text.length,
      headers: { get: () => undefined, all: () => [] },
      content: () => Readable.from([Buffer.from(text.slice(0, 9)), Buffer.from(text.slice(9))]),
      inMemory: () => null,
    };
    await spool.accept(envelopeOf("m1"), foreign);
    const entry = await (await openIn(await snapshotOf(dir))).read("m1");
    expect(entry && (await contentOf(entry.message))).toBe(text);
  });

  it("keeps outcomes, the last one of each recipient, and the retry time", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "m1");
    await spool.settle("m1", 1, failed);
    await Promise.all([spool.settle("m1", 2, failed), spool.settle("m1", 2, delivered)]);
    await spool.settle("m1", 1, { ...failed, isReported: true });
    const change = { attempts: 2, dueAt: 1_700_000_900_000, lastReply: failed.reply, warnedAt: 1_700_000_100_000 };
    await spool.reschedule("m1", change);
    const state = { ...change, outcomes: { 1: { ...failed, isReported: true }, 2: delivered } };
    expect((await spool.read("m1"))?.state).toEqual(state);

    await spool.close();
    const again = await openIn(dir);
    expect(await recoveredIds(again, change.dueAt)).toEqual([]);
    expect(await recoveredIds(again, change.dueAt + 1)).toEqual(["m1"]);
    expect((await again.read("m1"))?.state).toEqual(state);
  });

  it("is gone after remove, also for the next start", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "m1");
    await acceptOne(spool, "m2");
    await spool.remove("m1");
    await spool.remove("m1");
    expect(await spool.read("m1")).toBeNull();
    await spool.close();
    const again = await openIn(dir);
    expect(await recoveredIds(again)).toEqual(["m2"]);
    expect(await again.read("m1")).toBeNull();
  });

  it("keeps its outcomes when the crash comes before remove is written: nothing is sent again", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "m1");
    await spool.settle("m1", 1, delivered);
    const before = await snapshotOf(dir);
    await spool.remove("m1");
    const again = await openIn(before);
    expect((await again.read("m1"))?.state.outcomes).toEqual({ 1: delivered });
  });

  it("is told by recovered as long as it is there, in the run that accepted it as well", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "m1");
    expect(await recoveredIds(spool)).toEqual(["m1"]);
    const again = await openIn(await snapshotOf(dir));
    await acceptOne(again, "m2");
    for (let round = 0; round < 2; round += 1) expect(await recoveredIds(again)).toEqual(["m1", "m2"]);
    await again.remove("m1");
    await again.reschedule("m2", { attempts: 1, dueAt: 5_000, lastReply: null, warnedAt: null });
    expect(await recoveredIds(again, 5_000)).toEqual([]);
    expect(await recoveredIds(again, 5_001)).toEqual(["m2"]);
  });
});

describe("the spool refuses", () => {
  it("an id that it has already, also while that is on its way to the disk", async () => {
    const spool = await openIn(await freshDirectory());
    const first = acceptOne(spool, "m1");
    await expect(acceptOne(spool, "m1")).rejects.toMatchObject({ code: "SPOOL_DUPLICATE" });
    await first;
    await expect(acceptOne(spool, "m1")).rejects.toMatchObject({ code: "SPOOL_DUPLICATE" });
  });

  it.each(["", "../m", "a/b", "a.b", "a\0b", "x".repeat(101)])("the id %j, which is no file name", async (id) => {
    const spool = await openIn(await freshDirectory());
    await expect(spool.accept(envelopeOf(id), messageOf("A: b\r\n\r\n"))).rejects.toMatchObject({
      code: "SPOOL_BAD_ID",
    });
    expect(await spool.read(id)).toBeNull();
  });

  it("outcomes of a message that it does not have", async () => {
    const spool = await openIn(await freshDirectory());
    await expect(spool.settle("m1", 1, delivered)).rejects.toMatchObject({ code: "SPOOL_UNKNOWN" });
  });

  it("everything after close, and close may be called twice", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    const last = acceptOne(spool, "m1");
    await Promise.all([spool.close(), spool.close()]);
    await last;
    await expect(acceptOne(spool, "m2")).rejects.toMatchObject({ code: "SPOOL_CLOSED" });
    expect(() => spool.receive(null)).toThrow(expect.objectContaining({ code: "SPOOL_CLOSED" }));
    expect(await recoveredIds(await openIn(dir))).toEqual(["m1"]);
  });

  it("a message when there is too little free space, before it is sent", async () => {
    const spool = await openIn(await freshDirectory(), { limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
    expect(() => spool.receive(null)).toThrow(SpoolFull);
    await expect(acceptOne(spool, "m1")).rejects.toBeInstanceOf(SpoolFull);
  });

  it("more messages than allowed, those of an earlier run included", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits: { maxMessages: 2 } });
    const results = await Promise.allSettled(["m1", "m2", "m3"].map((id) => acceptOne(spool, id)));
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    await spool.close();
    const again = await openIn(dir, { limits: { maxMessages: 2 } });
    await expect(acceptOne(again, "m3")).rejects.toBeInstanceOf(SpoolFull);
    await again.remove("m1");
    await acceptOne(again, "m3");
  });
});

describe("a spool directory", () => {
  it("is only its owner's", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(join(dir, "deep", "spool"));
    await acceptOne(spool, "m1");
    // Closed first: an open spool renames its spare segments in the background.
    await spool.close();
    const root = join(dir, "deep", "spool");
    for (const name of ["", "journal", "deferred", "incoming", "bodies", "damaged"]) {
      expect((await stat(join(root, name))).mode & 0o777).toBe(0o700);
    }
    for (const name of await readdir(join(root, "journal"))) {
      expect((await stat(join(root, "journal", name))).mode & 0o777).toBe(0o600);
    }
  });

  it("belongs to one process at a time, and to the next one after close", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await expect(openIn(dir)).rejects.toMatchObject({ code: "DIRECTORY_IN_USE" });
    await spool.close();
    await openIn(dir);
  });
});
