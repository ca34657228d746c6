/** Runs that were killed between two steps, over a source and a target in memory. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Journal } from "./journal.ts";
import type { Source } from "./source.ts";
import type { OpenTarget, Target } from "./target.ts";
import { transferAll } from "./transfer.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-transfer-"));
});
afterEach(() => rm(directory, { recursive: true }));

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** `uids` of the messages at the source, whose texts are their UIDs. */
const sourceOf = (uids: readonly number[]): Source => ({
  id: "source",
  folders: async () => [{ name: "INBOX", specialUse: null, isSubscribed: false }],
  async open() {
    const messages = uids.map((uid) => ({ key: String(uid), uid, flags: [], internalDate: 0, sizeBytes: 1 }));
    return {
      ...{ uidValidity: 7, uidNext: 100, messages },
      read: async (wanted) => new Map(wanted.map(({ key }) => [key, Buffer.from(key)] as const)),
      async close() {},
    };
  },
  async close() {},
});

/** A mailbox that gives the UIDs it is asked for where it can; `killedAt` numbers as one that never heard of them, and dies. */
class Mailbox implements OpenTarget {
  readonly name = "INBOX";
  readonly uidValidity = 7;
  readonly texts = new Map<number, string>();
  uidNext = 1;
  isKilled = false;

  isEmpty = async () => this.texts.size === 0;
  keepUids = async () => true;
  mark = async () => this.uidNext;
  async close() {}
  async setFlags() {}

  async append(messages: readonly { readonly content: Buffer; readonly uid: number | null }[]) {
    const uids = messages.map(({ content, uid }) => {
      const given = this.isKilled ? this.uidNext : Math.max(uid ?? 0, this.uidNext);
      this.texts.set(given, content.toString());
      this.uidNext = given + 1;
      return given;
    });
    if (this.isKilled) throw new Error("killed");
    return uids;
  }

  async recover(mark: number, digests: readonly string[]) {
    const found = new Map<string, number[]>();
    for (const [uid, text] of this.texts) {
      const digest = digestOf(text);
      if (uid >= mark && digests.includes(digest)) found.set(digest, [...(found.get(digest) ?? []), uid]);
    }
    return found;
  }

  async remove(uids: readonly number[]) {
    for (const uid of uids) this.texts.delete(uid);
  }
}

async function run(mailbox: Mailbox, uids: readonly number[]): Promise<readonly string[]> {
  const notes: string[] = [];
  const target: Target = { id: "target", open: async () => mailbox, async close() {} };
  const journal = await Journal.open(join(directory, "state"), { source: "source", target: "target" });
  try {
    await transferAll({
      ...{ source: sourceOf(uids), target, journal },
      options: { isMeant: () => true, rename: (name) => name, keepUids: true, follow: false },
      watcher: { folder() {}, moved() {}, note: (text) => notes.push(text) },
    });
  } finally {
    await journal.close();
  }
  return notes;
}

const killed = async (mailbox: Mailbox, uids: readonly number[]): Promise<void> => {
  mailbox.isKilled = true;
  await expect(run(mailbox, uids)).rejects.toThrow("killed");
  mailbox.isKilled = false;
};

it("messages that were placed before a kill, and numbered by somebody else, get the UIDs that they had", async () => {
  const mailbox = new Mailbox();
  const uids = [10, 20, 30];
  await killed(mailbox, uids);
  expect([...mailbox.texts.keys()]).toEqual([1, 2, 3]);
  expect(await run(mailbox, uids)).toEqual([]);
  expect([...mailbox.texts]).toEqual(uids.map((uid) => [uid, String(uid)]));
});

it("where such a UID cannot be given any more the message stays, and the operator is told", async () => {
  const mailbox = new Mailbox();
  await killed(mailbox, [2, 3, 50]);
  const notes = await run(mailbox, [2, 3, 50]);
  expect([...mailbox.texts.values()].sort()).toEqual(["2", "3", "50"]);
  expect(mailbox.texts.get(50)).toBe("50");
  expect(notes).toEqual([expect.stringContaining("2 messages have other UIDs")]);
});

it("nothing is brought twice where the kill came behind the last step", async () => {
  const mailbox = new Mailbox();
  await killed(mailbox, [1, 2, 3]);
  expect(await run(mailbox, [1, 2, 3])).toEqual([]);
  expect([...mailbox.texts]).toEqual([1, 2, 3].map((uid) => [uid, String(uid)]));
});
