/** What processes register in the index of a mailbox, and what they hear of each other. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { IndexedMailbox, IndexedMessage, KnownMessage, Registration } from "../contracts/mailbox-index.ts";
import { keptLog } from "../testing/kernel.ts";
import { createMailboxIndex, type OpenMailboxIndex } from "./mailbox-index.ts";

let directory = "";
let opened: OpenMailboxIndex[] = [];
const logged = keptLog();

const open = (ceilingBytes = 256 * 1024 * 1024): OpenMailboxIndex => {
  const index = createMailboxIndex({ directory, ceilingBytes, log: logged.log, clock: Date });
  opened.push(index);
  return index;
};
const mailboxOf = async (index: OpenMailboxIndex, id = "a mailbox"): Promise<IndexedMailbox> => {
  const mailbox = await index.open(id);
  if (!mailbox) throw new Error("no index");
  return mailbox;
};
const message = (uid: number, flags = ""): IndexedMessage => ({
  ...{ uid, flags, place: `cur/${uid}:2,${flags}`, internalDate: -1, sizeBytes: -1 },
});
const known = (uid: number, modseq: number, flags = ""): KnownMessage => ({ ...message(uid, flags), modseq });
const registration = (changes: Partial<Registration>): Registration => ({
  ...{ since: 0, modseq: 1, put: [], vanished: [], uidNext: 1, cursor: "" },
  ...changes,
});
const all = async (mailbox: IndexedMailbox): Promise<readonly KnownMessage[]> => {
  const found: KnownMessage[] = [];
  expect(await mailbox.load((one) => found.push(one))).not.toBeNull();
  return found;
};
/** A mailbox of three messages at modseq 100. */
const withThree = async (): Promise<{ index: OpenMailboxIndex; mailbox: IndexedMailbox }> => {
  const index = open();
  const mailbox = await mailboxOf(index);
  const put = [known(1, 98), known(2, 99, "S"), known(3, 100)];
  expect(await mailbox.replace({ modseq: 100, put, uidNext: 4, cursor: "c1" })).toBe(true);
  return { index, mailbox };
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-index-"));
});
afterEach(async () => {
  for (const index of opened.splice(0)) await index.close();
  opened = [];
  await rm(directory, { recursive: true, force: true });
});

describe("a mailbox in the index", () => {
  it("is not known until it is registered as a whole, and then outlives its process", async () => {
    const index = open();
    const mailbox = await mailboxOf(index);
    expect(mailbox.head()).toBeNull();
    expect(await mailbox.load(() => {})).toBeNull();
    expect(mailbox.news(0)).toBeNull();
    expect(mailbox.commit(registration({ put: [message(1)] }))).toBeNull();
    const put = Array.from({ length: 2_500 }, (_, at) => known(at * 2 + 1, at + 1, at % 3 ? "" : "S"));
    expect(await mailbox.replace({ modseq: 2_500, put, uidNext: 5_001, cursor: "times" })).toBe(true);
    expect(await mailbox.replace({ modseq: 9_999, put: [], uidNext: 1, cursor: "" })).toBe(false);
    await index.close();
    const again = await mailboxOf(open());
    expect(again.head()).toMatchObject({ highestModseq: 2_500, uidNext: 5_001, messages: 2_500, cursor: "times" });
    expect(await all(again)).toEqual(put);
    expect((await mailboxOf(open(), "another")).head()).toBeNull();
  });

  it("takes changes, gives them a greater modseq, and tells others of them", async () => {
    const { mailbox } = await withThree();
    const theirs = await mailboxOf(open());
    const registered = mailbox.commit(
      registration({
        since: 100,
        modseq: 50,
        put: [message(1, "F"), message(4)],
        vanished: [2],
        uidNext: 5,
        cursor: "c2",
      }),
    );
    expect(registered).toMatchObject({ modseq: 101, highestModseq: 101, uidNext: 5, refused: [] });
    expect(theirs.head()).toMatchObject({ highestModseq: 101, messages: 3, uidNext: 5, cursor: "c2" });
    expect(theirs.news(100)?.others).toEqual({ put: [known(1, 101, "F"), known(4, 101)], vanished: [2] });
    expect(theirs.news(101)?.others).toEqual({ put: [], vanished: [] });
    expect(await all(theirs)).toEqual([known(1, 101, "F"), known(3, 100), known(4, 101)]);
  });

  it("refuses what a process says that does not know of a later change, and tells it of that", async () => {
    const { mailbox } = await withThree();
    const slow = await mailboxOf(open());
    mailbox.commit(registration({ since: 100, modseq: 200, put: [message(1, "F")], vanished: [3], uidNext: 4 }));
    const registered = slow.commit(
      registration({
        since: 100,
        modseq: 150,
        put: [message(1, "S"), message(2, "SF"), message(3, "T")],
        uidNext: 4,
        cursor: "mine",
      }),
    );
    expect(registered).toMatchObject({
      modseq: 201,
      refused: [1, 3],
      others: { put: [known(1, 200, "F")], vanished: [3] },
    });
    expect(slow.head()?.cursor).toBe("");
    expect(await all(slow)).toEqual([known(1, 200, "F"), known(2, 201, "SF")]);
  });

  it("gives a modseq out before its changes are registered, below all that others register later", async () => {
    const { mailbox } = await withThree();
    const theirs = await mailboxOf(open());
    expect(mailbox.reserve({ since: 100, modseq: 50 })).toBe(101);
    expect(theirs.head()?.highestModseq).toBe(100);
    const first = { since: 101, modseq: 101, put: [message(1, "F")], vanished: [], uidNext: 4, cursor: "" };
    expect(mailbox.commit(registration(first))).toMatchObject({ modseq: 101, others: { put: [] } });
    expect(mailbox.reserve({ since: 101, modseq: 500 })).toBe(500);
    const news = { since: 101, modseq: 200, put: [message(2, "S")], vanished: [], uidNext: 4, cursor: "" };
    expect(theirs.commit(registration(news))).toMatchObject({ modseq: 501 });
    expect(mailbox.reserve({ since: 101, modseq: 600 })).toBeNull();
    // Who comes after somebody else stands behind him.
    const late = { since: 500, modseq: 500, put: [message(1)], vanished: [], uidNext: 4, cursor: "" };
    expect(mailbox.commit(registration(late))).toMatchObject({
      modseq: 502,
      others: { put: [known(2, 501, "S")] },
    });
    expect((await mailboxOf(open(), "another")).reserve({ since: 0, modseq: 1 })).toBeNull();
  });

  it("takes the same news from two processes once", async () => {
    const { mailbox } = await withThree();
    const theirs = await mailboxOf(open());
    const news = { since: 100, modseq: 300, put: [message(4)], vanished: [1], uidNext: 5, cursor: "c2" };
    expect(mailbox.commit(registration(news))).toMatchObject({ modseq: 300, refused: [] });
    expect(theirs.commit(registration(news))).toMatchObject({
      ...{ modseq: 0, highestModseq: 300, refused: [] },
      others: { put: [known(4, 300)], vanished: [1] },
    });
  });

  it("never brings a UID back, and notes a new place without a modseq", async () => {
    const { mailbox } = await withThree();
    mailbox.commit(registration({ since: 100, modseq: 200, vanished: [2], uidNext: 4 }));
    expect(mailbox.commit(registration({ since: 200, modseq: 210, put: [message(2)], uidNext: 4 }))).toMatchObject({
      ...{ refused: [2], highestModseq: 200 },
    });
    const moved = [{ ...message(1), place: "new/1" }];
    expect(mailbox.commit(registration({ since: 200, modseq: 220, moved, uidNext: 4, cursor: "c3" }))).toMatchObject({
      ...{ refused: [], highestModseq: 200, modseq: 0 },
    });
    expect((await all(mailbox))[0]).toEqual({ ...known(1, 98), place: "new/1" });
  });

  it("remembers what vanished, since when it was begun", async () => {
    const { mailbox } = await withThree();
    const put = Array.from({ length: 20 }, (_, at) => message(at + 4));
    mailbox.commit(registration({ since: 100, modseq: 200, put, uidNext: 24 }));
    mailbox.commit(registration({ since: 200, modseq: 300, vanished: [1, 5, 6, 7], uidNext: 24 }));
    mailbox.commit(registration({ since: 300, modseq: 400, vanished: [8, 10], uidNext: 24 }));
    expect(mailbox.vanished(100, 400)).toEqual([
      { first: 1, last: 1 },
      { first: 5, last: 8 },
      { first: 10, last: 10 },
    ]);
    expect(mailbox.vanished(300, 400)).toEqual([
      { first: 8, last: 8 },
      { first: 10, last: 10 },
    ]);
    expect(mailbox.vanished(100, 300)).toEqual([
      { first: 1, last: 1 },
      { first: 5, last: 7 },
    ]);
    expect(mailbox.vanished(99, 400)).toBeNull();
  });

  it("forgets the oldest history where there is too much, says so, and keeps the latest", async () => {
    const { mailbox } = await withThree();
    let since = 100;
    // Every second message of a large mailbox, flagged again and again: entries of some size.
    const put = Array.from({ length: 4_000 }, (_, at) => message(at * 2 + 10));
    since = mailbox.commit(registration({ since, put, uidNext: 10_000 }))?.highestModseq ?? 0;
    for (let turn = 0; turn < 40; turn++) {
      const flagged = put.map(({ uid }) => message(uid, turn % 2 ? "" : "F"));
      since = mailbox.commit(registration({ since, put: flagged, uidNext: 10_000 }))?.highestModseq ?? 0;
    }
    expect(mailbox.vanished(100, since)).toBeNull();
    expect(mailbox.news(100)).toBeNull();
    expect(mailbox.commit(registration({ since: 100, put: [message(1, "F")], uidNext: 10_000 }))).toBeNull();
    expect(mailbox.vanished(since - 1, since)).toEqual([]);
    expect(mailbox.news(since - 1)?.others.put).toHaveLength(4_000);
  });

  it("keeps details and what was learned, for all processes", async () => {
    const { index, mailbox } = await withThree();
    mailbox.keep(2, "survey", "Gr\xfc\xdfe");
    mailbox.keep(2, "gist", "text");
    mailbox.keep(3, "survey", "x".repeat(70_000));
    // In the block of 2, but written behind it; then what is there already.
    await expect.poll(() => mailbox.detail(2, "survey")).not.toBeNull();
    mailbox.keep(5, "survey", "five");
    mailbox.keep(2, "survey", "two");
    mailbox.learn(3, { sizeBytes: 77, internalDate: -1 });
    mailbox.learn(3, { sizeBytes: -1, internalDate: 5 });
    mailbox.learn(99, { sizeBytes: 1, internalDate: -1 });
    await index.close();
    const again = await mailboxOf(open());
    expect(again.detail(2, "survey")).toEqual("Gr\xfc\xdfe");
    expect(again.detail(5, "survey")).toEqual("five");
    expect(again.detail(2, "gist")).toEqual("text");
    expect(again.detail(3, "survey")).toBeNull();
    expect(again.detail(1, "survey")).toBeNull();
    expect((await all(again))[2]).toEqual({ ...known(3, 100), sizeBytes: 77, internalDate: 5 });
  });

  it("is forgotten with all it had", async () => {
    const { index, mailbox } = await withThree();
    mailbox.keep(2, "survey", "x");
    await index.close();
    const again = open();
    const there = await mailboxOf(again);
    again.forget("a mailbox");
    expect(there.head()).toBeNull();
    await expect.poll(() => there.detail(2, "survey")).toBeNull();
    expect(await there.replace({ modseq: 500, put: [], uidNext: 4, cursor: "" })).toBe(true);
    expect(await all(there)).toEqual([]);
  });

  it("makes room for others when the index is full, and is not lost while it is in use", async () => {
    const index = open(8 * 4 * 1024 * 1024);
    const large = "x".repeat(60_000);
    const mailbox = await mailboxOf(index);
    await mailbox.replace({ modseq: 1, put: [known(1, 1)], uidNext: 2, cursor: "" });
    for (let round = 0; round < 20; round++) {
      for (let uid = 1; uid <= 64; uid++) mailbox.keep(round * 64 + uid, "survey", large);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Many times what fits, in the shard of this mailbox.
    await expect
      .poll(() => mailbox.commit(registration({ since: 1, put: [message(1, "F")], uidNext: 2 })))
      .not.toBeNull();
    expect(await all(mailbox)).toMatchObject([{ uid: 1, flags: "F" }]);
  });
});
