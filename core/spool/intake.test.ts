import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Intake } from "../contracts/submit.ts";
import { editMessage, isStored, type StoredMessage } from "../kernel/message.ts";
import {
  contentOf,
  envelopeOf,
  freshDirectory,
  openIn,
  recoveredIds,
  snapshotOf,
  textFor,
} from "../testing/spool-fixture.ts";
import { HeaderFinder } from "./header-finder.ts";

const limits = { memoryMessageBytes: 10_000, memoryTotalBytes: 20_000 };

async function take(intake: Intake, text: string, pieceBytes = 1000): Promise<StoredMessage> {
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += pieceBytes) await intake.write(bytes.subarray(at, at + pieceBytes));
  const message = await intake.end();
  if (!isStored(message)) throw new Error("not a stored message");
  return message;
}

describe("the header block", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["ends with the first empty line", "A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore", 14],
    ["may be empty", "\r\nbody", 2],
    ["may be all there is, with its empty line", "A: b\r\n\r\n", 8],
    ["may be all there is, without", "A: b\r\nC: d\r\n", 12],
    ["is not ended by bare line feeds", "A: b\n\nC: d\r\n\r\nx", 14],
    ["may be nothing", "", 0],
    ["too long ends at its last whole line", `A: b\r\nLong: ${"x".repeat(200)}\r\n\r\nbody`, 6],
    ["of one endless line is body", "x".repeat(300), 0],
  ];

  it.each(cases)("%s, however the bytes come", (_, text, headerBytes) => {
    const bytes = Buffer.from(text);
    for (let pieceBytes = 1; pieceBytes <= bytes.length + 1; pieceBytes += pieceBytes < 20 ? 1 : 50) {
      const finder = new HeaderFinder(100);
      const body: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += pieceBytes)
        body.push(...finder.push(bytes.subarray(at, at + pieceBytes)));
      const header = finder.end();
      expect(header.length, `pieces of ${pieceBytes}`).toBe(headerBytes);
      expect(Buffer.concat([header, ...body]).toString(), `pieces of ${pieceBytes}`).toBe(text);
    }
  });
});

describe("an intake", () => {
  it("keeps a common message in memory", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    const text = textFor("m1", 5000);
    const message = await take(spool.receive(null), text);
    expect(Buffer.concat(message.inMemory() ?? []).toString()).toBe(text);
    expect(message.sizeBytes).toBe(text.length);
    expect(await readdir(join(dir, "incoming"))).toEqual([]);
  });

  it.each([
    ["that grows beyond the limit", null],
    ["that is announced as large", 50_000],
  ])("writes a message %s to a file", async (_, hint) => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    const text = textFor("m1", 50_000);
    const intake = spool.receive(hint);
    const message = await take(intake, text);
    expect(intake.sizeBytes).toBe(text.length);
    expect(message.inMemory()).toBeNull();
    expect(Buffer.from(message.header).toString()).toBe("Subject: m1\r\n\r\n");
    expect(await contentOf(message)).toBe(text);
    await intake.abort();
    expect(await readdir(join(dir, "incoming"))).toEqual([]);
  });

  it("goes to a file early when all of them together hold too much, and memory comes back", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    const text = textFor("m1", 8000);
    const first = spool.receive(null);
    const second = spool.receive(null);
    const kept = await take(first, text);
    await take(second, text);
    const third = spool.receive(null);
    expect((await take(third, text)).inMemory()).toBeNull();
    await third.abort();
    await spool.accept(envelopeOf("m1"), kept);
    await second.abort();
    for (let round = 0; round < 10; round += 1) {
      const intake = spool.receive(null);
      expect((await take(intake, text)).inMemory()).not.toBeNull();
      await intake.abort();
    }
  });

  it("makes a fast sender wait for the disk", async () => {
    const spool = await openIn(await freshDirectory(), { limits });
    const intake = spool.receive(1_000_000);
    const waits: unknown[] = [];
    for (let index = 0; index < 10; index += 1) waits.push(intake.write(Buffer.alloc(64 * 1024, "x")));
    expect(waits.some((wait) => wait instanceof Promise)).toBe(true);
    await Promise.all(waits);
    expect((await intake.end()).sizeBytes).toBe(640 * 1024);
    await intake.abort();
  });

  it("that was aborted or has ended takes nothing more", async () => {
    const spool = await openIn(await freshDirectory());
    const intake = spool.receive(null);
    await intake.end();
    expect(() => intake.write(Buffer.from("x"))).toThrow(expect.objectContaining({ code: "SPOOL_CLOSED" }));
    await expect(intake.end()).rejects.toMatchObject({ code: "SPOOL_CLOSED" });
  });
});

describe("a large message", () => {
  const text = textFor("m1", 50_000);
  const received = [{ op: "prepend", header: "Received", value: "by mx.example.org" }] as const;

  it("is accepted with an edited header, without copying its body, and outlives a crash", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    const intake = spool.receive(null);
    const message = editMessage(await take(intake, text), received);
    await spool.accept(envelopeOf("m1"), message);
    await intake.abort();
    const expected = `Received: by mx.example.org\r\n${text}`;
    expect(await contentOf(message)).toBe(expected);
    expect(await readFile(join(dir, "bodies", "m1"), "latin1")).toBe(text);
    for (const one of [spool, await openIn(await snapshotOf(dir), { limits })]) {
      const entry = await one.read("m1");
      expect(entry && (await contentOf(entry.message))).toBe(expected);
      expect(entry?.message.sizeBytes).toBe(expected.length);
    }
  });

  it("leaves nothing behind when it is removed", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    await spool.accept(envelopeOf("m1"), await take(spool.receive(null), text));
    await spool.remove("m1");
    await spool.close();
    for (const place of ["incoming", "bodies"]) expect(await readdir(join(dir, place))).toEqual([]);
  });

  it("accepted for several envelopes is readable until the last one goes", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    const message = await take(spool.receive(null), text);
    await Promise.all(["a", "b"].map((id) => spool.accept(envelopeOf(id), message)));
    await spool.remove("a");
    const again = await openIn(await snapshotOf(dir), { limits });
    expect(await contentOf(message)).toBe(text);
    expect(await again.read("b").then((entry) => entry && contentOf(entry.message))).toBe(text);
    await spool.remove("b");
    await spool.close();
    for (const place of ["incoming", "bodies"]) expect(await readdir(join(dir, place))).toEqual([]);
    expect(await recoveredIds(await openIn(dir))).toEqual([]);
  });

  it("accepted again from another message's body is a link, not a loss", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    await spool.accept(envelopeOf("a"), await take(spool.receive(null), text));
    const entry = await spool.read("a");
    if (!entry) throw new Error("not there");
    await spool.accept(envelopeOf("b"), entry.message);
    await spool.remove("a");
    await spool.close();
    const again = await openIn(dir, { limits });
    expect(await again.read("b").then((found) => found && contentOf(found.message))).toBe(text);
  });

  it("keeps its body when its segment is emptied", async () => {
    const dir = await freshDirectory();
    const spool = await openIn(dir, { limits });
    await spool.accept(envelopeOf("m1"), await take(spool.receive(null), text));
    for (let index = 0; index < 20; index += 1) {
      await spool.accept(envelopeOf(`f${index}`), await take(spool.receive(null), textFor("f", 9000)));
    }
    await spool.close();
    const again = await openIn(dir, { limits });
    expect(await again.read("m1").then((entry) => entry && contentOf(entry.message))).toBe(text);
    expect(await readdir(join(dir, "bodies"))).toEqual(["m1"]);
  });
});
