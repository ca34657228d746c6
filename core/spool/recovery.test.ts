import { cp, mkdir, open, readdir, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  acceptOne,
  contentOf,
  delivered,
  envelopeOf,
  freshDirectory,
  onCleanUp,
  openIn,
  recoveredIds,
  rememberingLog,
  snapshotOf,
  textFor,
} from "../testing/spool-fixture.ts";
import { Damaged } from "./damaged.ts";
import { realFiles } from "./files.ts";
import { bucketOf, deferredFileName, layoutOf, parseSegmentName, segmentFileName } from "./layout.ts";
import { Ledger } from "./ledger.ts";
import { placeRecord, prepareRecord } from "./record.ts";
import { replayJournal } from "./replay.ts";
import { scanRecords } from "./scan.ts";

/** The segment that has records. */
async function segmentIn(dir: string): Promise<{ path: string; nonce: Buffer; bytes: Buffer }> {
  for (const name of await readdir(join(dir, "journal"))) {
    const parsed = parseSegmentName(name);
    const path = join(dir, "journal", name);
    const bytes = await readFile(path);
    if (parsed && scanRecords(bytes, parsed.nonce).length > 0) return { path, nonce: parsed.nonce, bytes };
  }
  throw new Error("no segment with records");
}

/** A history of every kind of record. */
async function history(): Promise<string> {
  const dir = await freshDirectory();
  const spool = await openIn(dir);
  await acceptOne(spool, "m1");
  await acceptOne(spool, "m2");
  await spool.settle("m1", 1, delivered);
  await spool.reschedule("m2", { attempts: 1, dueAt: 5_000, lastReply: null, warnedAt: null });
  await spool.settle("m2", 2, delivered);
  await acceptOne(spool, "m3");
  await spool.remove("m1");
  await acceptOne(spool, "m4");
  await spool.close();
  return dir;
}

async function replay(dir: string) {
  const layout = layoutOf(dir);
  const ledger = new Ledger();
  const log = rememberingLog();
  const { segments } = await replayJournal({
    files: realFiles,
    layout,
    ledger,
    damaged: new Damaged(realFiles, layout, log),
  });
  for (const segment of segments) await segment.close();
  return { ledger, log };
}

/** What the whole records before `end` amount to. */
function expectedAt(bytes: Buffer, nonce: Buffer, end: number) {
  const alive = new Map<string, number[]>();
  for (const found of scanRecords(bytes, nonce)) {
    if (found.at !== "record" || found.offset + found.sizeBytes > end) continue;
    const { id, recipientId } = JSON.parse(found.meta.toString()) as { id: string; recipientId?: number };
    if (found.type === "accept") alive.set(id, []);
    if (found.type === "settle" && recipientId) alive.get(id)?.push(recipientId);
    if (found.type === "remove") alive.delete(id);
  }
  return alive;
}

const aliveIn = ({ entries }: Ledger) => new Map([...entries].map(([id, entry]) => [id, [...entry.outcomes.keys()]]));

describe("after a crash", () => {
  it("at any byte of the journal everything written before it is there, and nothing throws", async () => {
    const dir = await history();
    const { path, nonce, bytes } = await segmentIn(dir);
    const last = scanRecords(bytes, nonce).at(-1);
    const used = last?.at === "record" ? last.offset + last.sizeBytes : 0;
    expect(used).toBeGreaterThan(1000);
    const file = await open(path, "r+");
    onCleanUp(() => file.close());
    for (let length = used; length >= 0; length -= 1) {
      await file.write(Buffer.alloc(1), 0, 1, length);
      const { ledger } = await replay(dir);
      expect(aliveIn(ledger), `cut at ${length}`).toEqual(expectedAt(bytes, nonce, length));
    }
  });

  it("in the middle of a record the whole spool opens, keeps what was there and takes new mail", async () => {
    const dir = await history();
    const { nonce, bytes } = await segmentIn(dir);
    for (const found of scanRecords(bytes, nonce)) {
      const end = found.at === "record" ? found.offset + found.sizeBytes - 1 : 0;
      const copy = await snapshotOf(dir);
      const { path } = await segmentIn(copy);
      await writeFile(path, Buffer.concat([bytes.subarray(0, end), Buffer.alloc(bytes.length - end)]));
      const spool = await openIn(copy);
      const expected = [...expectedAt(bytes, nonce, end).keys()].sort();
      expect((await recoveredIds(spool)).sort()).toEqual(expected);
      for (const id of expected) {
        const entry = await spool.read(id);
        expect(entry && (await contentOf(entry.message))).toBe(textFor(id));
      }
      await acceptOne(spool, "new");
      await spool.close();
      expect((await recoveredIds(await openIn(copy))).sort()).toEqual([...expected, "new"].sort());
    }
  });

  it("what was torn is set aside once, and told as unfinished", async () => {
    const dir = await history();
    const { path, bytes, nonce } = await segmentIn(dir);
    const last = scanRecords(bytes, nonce).at(-1);
    if (last?.at !== "record") throw new Error("unexpected");
    await writeFile(
      path,
      Buffer.concat([bytes.subarray(0, last.offset + 60), Buffer.alloc(bytes.length - last.offset - 60)]),
    );
    const { log } = await replay(dir);
    expect(log.lines).toMatchObject([{ level: "warn" }]);
    await replay(dir);
    expect(await readdir(join(dir, "damaged"))).toHaveLength(1);
  });
});

describe("damage", () => {
  it("to a confirmed message costs that message alone; it is set aside and the log has its id", async () => {
    const dir = await history();
    const { path, bytes, nonce } = await segmentIn(dir);
    const hit = scanRecords(bytes, nonce).find((one) => one.at === "record" && one.meta.includes('"m2"'));
    if (hit?.at !== "record") throw new Error("unexpected");
    bytes.writeUInt8(bytes.readUInt8(hit.offset + hit.sizeBytes - 1) ^ 4, hit.offset + hit.sizeBytes - 1);
    await writeFile(path, bytes);
    const log = rememberingLog();
    const spool = await openIn(dir, { log });
    expect(await recoveredIds(spool)).toEqual(["m3", "m4"]);
    expect(log.lines.filter((line) => line.level === "error")).toMatchObject([{ fields: { id: "m2" } }]);
    const [kept = ""] = await readdir(join(dir, "damaged"));
    expect(await readFile(join(dir, "damaged", kept), "latin1")).toContain("Subject: m2");
  });

  it("that comes while the server runs is found at read and at emptying, never handed out", async () => {
    const dir = await freshDirectory();
    const log = rememberingLog();
    const spool = await openIn(dir, { log });
    for (const id of ["m1", "m2", "m3"]) await acceptOne(spool, id);
    const { path, bytes } = await segmentIn(dir);
    const file = await open(path, "r+");
    onCleanUp(() => file.close());
    for (const id of ["m1", "m2"]) await file.write(Buffer.from("#"), 0, 1, bytes.indexOf(`${id}......`));
    await expect(spool.read("m1")).rejects.toMatchObject({ code: "SPOOL_DAMAGED" });
    expect(await spool.read("m1")).toBeNull();
    // Fill until the first segment has been emptied.
    for (let index = 0; index < 12; index += 1) await acceptOne(spool, `fill${index}`, 12_000);
    expect(await spool.read("m2")).toBeNull();
    expect(await spool.read("m3").then((entry) => entry && contentOf(entry.message))).toBe(textFor("m3"));
    expect(await readdir(join(dir, "damaged"))).toHaveLength(2);
    expect(log.lines.filter((line) => line.level === "error")).toMatchObject([
      { fields: { id: "m1" } },
      { fields: { id: "m2" } },
    ]);
  });

  it("to a file of a message's own is set aside as well", async () => {
    const dir = await freshDirectory();
    const name = { dueAt: 1_000_000, id: "m1" };
    const path = join(dir, "deferred", bucketOf(name.dueAt), deferredFileName(name));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "no record at all");
    const spool = await openIn(dir);
    await acceptOne(spool, "m2");
    expect((await recoveredIds(spool)).sort()).toEqual(["m1", "m2"]);
    await expect(spool.read("m1")).rejects.toMatchObject({ code: "SPOOL_DAMAGED" });
    expect(await spool.read("m1")).toBeNull();
    expect(await readdir(join(dir, "damaged"))).toHaveLength(1);
    expect(await spool.read("m2")).not.toBeNull();
  });

  it("to a record that is whole and makes no sense is set aside", async () => {
    const dir = await freshDirectory();
    const bytes = Buffer.alloc(64 * 1024);
    const nonce = Buffer.from("0102030405060708", "hex");
    let at = 0;
    const metas = [
      "no object",
      { id: "../up" },
      { id: "m1" },
      { id: "m2", envelope: envelopeOf("m2"), headerBytes: 0 },
    ];
    for (const meta of metas) {
      const record = prepareRecord("accept", meta);
      placeRecord(record, nonce, at, at);
      at += record.head.copy(bytes, at);
    }
    await mkdir(join(dir, "journal"));
    await writeFile(join(dir, "journal", segmentFileName({ sequence: 7, nonce })), bytes);
    expect(await recoveredIds(await openIn(dir))).toEqual(["m2"]);
    expect(await readdir(join(dir, "damaged"))).toHaveLength(3);
  });

  it("to a large message's body is found when it is read; both are set aside, also for the next start", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits: { memoryMessageBytes: 1000 } });
    const intake = spool.receive(null);
    await intake.write(Buffer.from(textFor("m1", 5000)));
    await spool.accept(envelopeOf("m1"), await intake.end());
    await spool.close();
    const body = await open(join(dir, "bodies", "m1"), "r+");
    onCleanUp(() => body.close());
    await body.write(Buffer.from("#"), 0, 1, 3000);
    const again = await openIn(dir);
    await expect(again.read("m1")).rejects.toMatchObject({ code: "SPOOL_DAMAGED" });
    expect(await again.read("m1")).toBeNull();
    expect(await readdir(join(dir, "damaged"))).toHaveLength(2);
    await again.close();
    expect(await recoveredIds(await openIn(dir))).toEqual([]);
  });
});

describe("a start", () => {
  it("removes copies of messages that the journal still has, and bodies that nobody owns", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir);
    await acceptOne(spool, "m1");
    await spool.close();
    const name = { dueAt: 42, id: "m1" };
    const copy = join(dir, "deferred", bucketOf(42), deferredFileName(name));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, "half a copy");
    await writeFile(join(dir, "bodies", "gone"), "x");
    await writeFile(join(dir, "incoming", "abc"), "x");
    const again = await openIn(dir);
    expect(await recoveredIds(again)).toEqual(["m1"]);
    await again.close();
    await expect(stat(copy)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readdir(join(dir, "bodies"))).toEqual([]);
    expect(await readdir(join(dir, "incoming"))).toEqual([]);
  });

  it("brings 10,000 messages back in order of due time", async () => {
    const dir = await freshDirectory();
    const limits = { segmentBytes: 1024 * 1024, maxSegments: 64 };
    const spool = await openIn(dir, { limits });
    const ids = Array.from({ length: 10_000 }, (_, index) => `m${index}`);
    await Promise.all(ids.map((id) => acceptOne(spool, id)));
    await Promise.all(
      ids.map((id, index) =>
        spool.reschedule(id, { attempts: 1, dueAt: 1_000_000 - index, lastReply: null, warnedAt: null }),
      ),
    );
    await spool.close();
    const again = await openIn(dir, { limits });
    expect(await recoveredIds(again)).toEqual(ids.toReversed());
    const entry = await again.read("m5000");
    expect(entry && (await contentOf(entry.message))).toBe(textFor("m5000"));
  });

  it("does not mind files that are not its own", async () => {
    const dir = await history();
    await cp(join(dir, "journal"), join(dir, "deferred", "journal"), { recursive: true });
    for (const place of ["journal/README", "deferred/README", "bodies/..x", "damaged/x"])
      await writeFile(join(dir, place), "?");
    expect((await recoveredIds(await openIn(dir))).sort()).toEqual(["m2", "m3", "m4"]);
    await unlink(join(dir, "journal/README"));
  });
});
