import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { foldText } from "postern/mail";
import type { AccountMailboxes, FullTextMailbox, FullText as FullTextService } from "postern/plugin";
import { silentLog, type TemporaryKeyValue, temporaryKeyValue } from "postern/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findings } from "./findings.ts";
import { FullTextIndex, type FullTextParts } from "./full-text-index.ts";
import { Segment, writeSegment } from "./segment.ts";
import { readTail } from "./tail.ts";
import { MemoryMailboxes } from "./testing/memory-mailboxes.ts";
import { placesOf, Signature } from "./trigrams.ts";
import { widths } from "./widths.ts";

const patience = { timeout: 60_000, interval: 20 };

describe("signatures", () => {
  it("never lack a place of what is in the text, however narrow they are", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 0, maxLength: 300 }), fc.nat(), fc.nat(40), (raw, at, length) => {
        const text = foldText(raw);
        const needle = text.slice(at % (text.length + 1)).slice(0, length);
        const signature = new Signature();
        const half = text.length >> 1;
        signature.look(signature.look(text.slice(0, half)) + text.slice(half));
        for (const { places } of widths) {
          const bits = signature.narrowedTo(places);
          for (const wide of placesOf(needle)) {
            const place = wide & (places - 1);
            expect((bits[place >> 3] ?? 0) & (1 << (place & 7))).not.toBe(0);
          }
        }
      }),
    );
  });

  it("cannot tell of needles shorter than three characters", () => {
    expect(placesOf("")).toEqual([]);
    expect(placesOf("ab")).toEqual([]);
    expect(placesOf("abc")).toHaveLength(1);
  });
});

describe("segments", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "postern-fts-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it.each(widths)("of $places places say who lacks one", async (width) => {
    const signature = new Signature();
    const texts = ["the quick brown fox", "lazy dogs", "quick dogs"];
    const messages = texts.map((text, at) => {
      signature.clear();
      signature.look(text);
      return { uid: 10 + at, bits: signature.narrowedTo(width.places) };
    });
    const path = join(directory, "segment");
    writeSegment(path, width, messages);
    const segment = Segment.open(path, false);
    expect(segment.without(placesOf("quick"))).toEqual([11]);
    expect(segment.without(placesOf("dogs"))).toEqual([10]);
    expect(segment.without(placesOf("elephant"))).toEqual([10, 11, 12]);
    segment.close();
    const bytes = await readFile(path);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    await writeFile(path, bytes);
    expect(() => Segment.open(path, false)).toThrow("checksum");
    await writeFile(path, bytes.subarray(0, 1000));
    expect(() => Segment.open(path, false)).toThrow("size");
  });
});

describe("search-fts", () => {
  let directory: string;
  let keyValue: TemporaryKeyValue;
  let store: MemoryMailboxes;
  const open: FullTextIndex[] = [];

  const index = (given: Partial<FullTextParts> = {}): FullTextIndex => {
    const made = new FullTextIndex({
      ...{ directory, ceilingBytes: 2 ** 30, beginsWith: "search", keyValue, log: silentLog, clock: Date },
      ...given,
    });
    open.push(made);
    return made;
  };
  const hold = (
    service: FullTextService,
    mailbox: { name: string; mailboxId: string } = store.place,
  ): FullTextMailbox => service.open({ login: "ann", mailboxes: store as unknown as AccountMailboxes }, mailbox);
  const ruledOut = async (held: FullTextMailbox, needle: string): Promise<number[]> => {
    const [answer] = await held.ruleOut([{ in: "text", needle }]);
    return store.uids.filter((uid) => answer?.has(uid));
  };
  const knows = (held: FullTextMailbox, uids: readonly number[]) =>
    vi.waitFor(async () => expect(await ruledOut(held, "@@absent@@")).toEqual(uids), patience);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "postern-fts-"));
    keyValue = await temporaryKeyValue();
    store = new MemoryMailboxes();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.stop()));
    await keyValue.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("rules out what lacks the needle, and nothing that has it", async () => {
    store.add("Subject: Gr=?utf-8?q?=C3=BC?=n\r\n\r\nplain words here\r\n");
    store.add(
      "Subject: two\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nU3RyYcOfZSBuYWNoIEvDtmxu\r\n",
    );
    const held = hold(index());
    await knows(held, [1, 2]);
    expect(await ruledOut(held, foldText("words"))).toEqual([2]);
    expect(await ruledOut(held, foldText("STRASSE nach köln"))).toEqual([1]);
    expect(await ruledOut(held, foldText("subject: two"))).toEqual([1]);
    // In the middle of words; and too short to tell.
    expect(await ruledOut(held, "lain wor")).toEqual([2]);
    expect(await held.ruleOut([{ in: "body", needle: "wo" }])).toEqual([null]);
  });

  it("follows what comes, and forgets nothing that stays when something goes", async () => {
    store.add("Subject: a\r\n\r\nfirst\r\n");
    const held = hold(index());
    await knows(held, [1]);
    store.add("Subject: b\r\n\r\nsecond\r\n");
    await knows(held, [1, 2]);
    store.remove(1);
    store.add("Subject: c\r\n\r\nthird\r\n");
    await knows(held, [2, 3]);
    expect(await ruledOut(held, "third")).toEqual([2]);
  });

  it("does not read again what it knows from before a restart", async () => {
    for (let count = 0; count < 20; count++) store.add(`Subject: s${count}\r\n\r\ntext ${count}\r\n`);
    const first = index();
    const held = hold(first);
    await knows(held, store.uids);
    await first.stop();
    store.reads = 0;
    await knows(hold(index()), store.uids);
    expect(store.reads).toBe(0);
  });

  it("is read by another worker while one writes it", async () => {
    store.add("Subject: a\r\n\r\nfirst\r\n");
    const held = hold(index());
    const other = hold(index({ keyValue: keyValue.again() }));
    await knows(held, [1]);
    await knows(other, [1]);
    store.add("Subject: b\r\n\r\nsecond\r\n");
    await knows(other, [1, 2]);
    expect(await ruledOut(other, "second")).toEqual([1]);
  });

  it("makes segments of many messages, which answer as the tail does", async () => {
    const width = widths[0];
    if (!width) throw new Error("no widths");
    for (let count = 0; count <= width.capacity; count++) store.add(`Subject: s\r\n\r\nnumber ${count} of many\r\n`);
    const held = hold(index());
    await knows(held, store.uids);
    const [key = ""] = await readdir(directory);
    const names = await readdir(join(directory, key));
    expect(names.filter((name) => name.startsWith("segment-"))).toHaveLength(1);
    expect(readTail(join(directory, key, "tail")).records).toHaveLength(1);
    const out = new Set(await ruledOut(held, "number 777 of"));
    expect(out.has(778)).toBe(false);
    expect(store.uids.filter((uid) => !out.has(uid)).length).toBeLessThan(width.capacity / 4);
  });

  it("drops a damaged segment, a torn tail and foreign octets, and finds out again", async () => {
    const width = widths[0];
    if (!width) throw new Error("no widths");
    for (let count = 0; count < width.capacity + 5; count++) store.add(`Subject: s\r\n\r\nnumber ${count}\r\n`);
    const first = index();
    await knows(hold(first), store.uids);
    await first.stop();
    const [key = ""] = await readdir(directory);
    const names = await readdir(join(directory, key));
    const segment = join(directory, key, names.find((name) => name.startsWith("segment-")) ?? "");
    await writeFile(segment, (await readFile(segment)).subarray(0, 100));
    await appendFile(join(directory, key, "tail"), Buffer.alloc(50, 7));
    await knows(hold(index()), store.uids);
  });

  it("never takes one mailbox for another by the same name", async () => {
    store.add("Subject: a\r\n\r\nfirst\r\n");
    const service = index();
    const held = hold(service);
    await knows(held, [1]);
    const other = hold(service, { name: store.place.name, mailboxId: "another" });
    expect(await ruledOut(other, "@@absent@@")).toEqual([]);
    expect(await ruledOut(other, "@@absent@@")).toEqual([]);
  });

  it("keeps to its size: the mailbox unused for longest goes, and nothing grows where that is not enough", async () => {
    const other = join(directory, "0".repeat(32));
    await mkdir(other);
    await writeFile(join(other, "tail"), Buffer.alloc(10_000));
    await utimes(other, 1, 1);
    store.add("Subject: a\r\n\r\nfirst\r\n");
    await knows(hold(index({ ceilingBytes: 5000 })), [1]);
    expect(await readdir(directory)).not.toContain("0".repeat(32));
  });

  it("answers nothing where its directory cannot be used", async () => {
    await writeFile(join(directory, "file"), "");
    store.add("Subject: a\r\n\r\nfirst\r\n");
    const held = hold(index({ directory: join(directory, "file", "below") }));
    expect(await held.ruleOut([{ in: "text", needle: "absent" }])).toEqual([null]);
    held.close();
    expect(await held.ruleOut([{ in: "text", needle: "absent" }])).toEqual([null]);
  });

  it("begins when a mailbox is opened only where it is told to", async () => {
    store.add("Subject: a\r\n\r\nfirst\r\n");
    hold(index({ beginsWith: "select" }));
    await vi.waitFor(async () => expect(await readdir(directory)).toHaveLength(1), patience);
  });

  it("checks its place", async () => {
    expect(await findings(directory, "/nowhere")).toEqual([]);
    expect(await findings(join(directory, "new"), directory)).toEqual([]);
    expect(await findings(directory, directory)).toMatchObject([{ severity: "error" }]);
    await writeFile(join(directory, "mail"), "");
    expect(await findings(directory, "/nowhere")).toMatchObject([{ text: expect.stringContaining("mail") }]);
    expect(await findings(join(directory, "mail"), "/nowhere")).toMatchObject([{ severity: "error" }]);
  });
});
