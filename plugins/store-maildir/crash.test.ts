import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { MaildirStore } from "./store.ts";
import { OtherProcess, type OtherProcessInit, type Said } from "./testing/other-process.ts";
import { quietLog } from "./testing/quiet-log.ts";

/** Every round starts a process, which takes its time on a busy machine. */
const ROUNDS = 2;
vi.setConfig({ testTimeout: 180_000 });
let home = "";
let store: MaildirStore | null = null;
let running: OtherProcess[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "postern-crash-"));
});
afterEach(async () => {
  store?.stop();
  await Promise.all(running.map((other) => other.kill()));
  running = [];
  await rm(home, { recursive: true, force: true });
});

const message = (subject: string) => ({
  content: [Buffer.from(`Subject: ${subject}\r\n\r\n${`line of ${subject}\r\n`.repeat(200)}end of ${subject}\r\n`)],
});

/** A fresh look at the Maildir, as after a restart. */
async function opened(): Promise<AccountMailboxes> {
  store?.stop();
  store = new MaildirStore({
    path: "{home}/Maildir/",
    configDir: "/",
    specialUse: {},
    maxWatches: 0,
    checkEvery: 60_000,
    log: quietLog,
    clock: Date,
    notifier: null,
  });
  return store.of({ login: "someone", addresses: [], home, quotaBytes: null });
}

/** Subjects by UID. Every message must be whole. */
async function contents(mail: AccountMailboxes, name: string): Promise<ReadonlyMap<number, string>> {
  const mailbox: Mailbox = await mail.open(name);
  const subjects = new Map<number, string>();
  for (let index = 0; index < mailbox.snapshot.size; index++) {
    const { uid, sizeBytes } = mailbox.snapshot.at(index);
    const text = (await mailbox.bytes(uid, 1_000_000))?.toString() ?? "";
    const subject = /^Subject: (.*)\r\n/.exec(text)?.[1] ?? "none";
    expect(text.endsWith(`end of ${subject}\r\n`) && text.length === sizeBytes).toBe(true);
    subjects.set(uid, subject);
  }
  await mailbox.close();
  return subjects;
}

/** Lets a process work until it has said something, and kills it at a moment that differs from round to round. */
async function killed(work: OtherProcessInit["work"], round: number): Promise<readonly Said[]> {
  const other = new OtherProcess({ home, work, tag: `r${round}` });
  running.push(other);
  await other.ready;
  await other.saidTimes(3 + round * 5);
  for (let turns = Math.random() * 40; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  const said = await other.kill();
  running = running.filter((one) => one !== other);
  return said;
}

describe("a process that is killed", () => {
  it("in the middle of appending leaves whole messages, and UIDs that mean what it said", async () => {
    const meaning = new Map<number, string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { subject, uid } of await killed("append", round)) meaning.set(uid, subject);
      const found = await contents(await opened(), "INBOX");
      for (const [uid, subject] of meaning) expect([uid, found.get(uid)]).toEqual([uid, subject]);
      expect(new Set(found.values()).size).toBe(found.size);
      for (const [uid, subject] of found) meaning.set(uid, subject);
    }
  });

  it("in the middle of delivering leaves each message that it delivered, once, also when it is handed over again", async () => {
    const delivered = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { subject } of await killed("deliver", round)) delivered.add(subject);
      const mail = await opened();
      const before = await contents(mail, "INBOX");
      for (const subject of [...delivered, ...before.values()]) {
        await mail.deliver("INBOX", { ...message(subject), deliveryId: subject });
        delivered.add(subject);
      }
      const found = [...(await contents(mail, "INBOX")).values()];
      expect(found.toSorted()).toEqual([...delivered].sort());
    }
  });

  it("in the middle of moving leaves every message in one of the two mailboxes", async () => {
    const subjects = Array.from({ length: 150 }, (_, index) => `m${index}`);
    const mail = await opened();
    await mail.create("Other");
    await mail.append("INBOX", subjects.map(message));
    for (let round = 0; round < ROUNDS; round++) {
      const moved = await killed("move", round);
      const again = await opened();
      const other = await contents(again, "Other");
      for (const { uid } of moved) expect(other.has(uid)).toBe(true);
      const all = [...(await contents(again, "INBOX")).values(), ...other.values()];
      expect([...new Set(all)].sort()).toEqual(subjects.toSorted());
    }
  });

  it("in the middle of copying leaves the source as it was, and whole copies", async () => {
    const subjects = Array.from({ length: 20 }, (_, index) => `m${index}`);
    const mail = await opened();
    await mail.create("Other");
    await mail.append("INBOX", subjects.map(message));
    for (let round = 0; round < ROUNDS; round++) {
      const copied = await killed("copy", round);
      const again = await opened();
      expect([...(await contents(again, "INBOX")).values()]).toEqual(subjects);
      const other = await contents(again, "Other");
      for (const { uid } of copied) expect(other.has(uid)).toBe(true);
    }
  });

  it("in the middle of expunging has removed nothing but what was to go", async () => {
    const mail = await opened();
    await mail.append(
      "INBOX",
      Array.from({ length: 120 }, (_, index) => message(`m${index + 1}`)),
    );
    const gone = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { uid } of await killed("expunge", round)) gone.add(uid);
      const found = await contents(await opened(), "INBOX");
      for (let uid = 1; uid <= 120; uid += 2) expect(found.get(uid)).toBe(`m${uid}`);
      for (const uid of gone) expect(found.has(uid)).toBe(false);
      for (const [uid, subject] of found) expect(subject).toBe(`m${uid}`);
    }
  });
});

describe("several processes", () => {
  it("append, deliver and flag at the same time: all agree on every UID", async () => {
    const mail = await opened();
    const inbox = await mail.open("INBOX");
    const others = (["append", "append", "deliver"] as const).map(
      (work, index) => new OtherProcess({ home, work, tag: `p${index}` }),
    );
    running.push(...others);
    await Promise.all(others.map(({ ready }) => ready));
    const busy = Promise.all(others.map((other) => other.saidTimes(30)));
    let isBusy = true;
    void busy.then(() => {
      isBusy = false;
    });
    const meaning = new Map<number, string>();
    while (isBusy) {
      const { uids } = await mail.append("INBOX", [message(`own${meaning.size}`)]);
      meaning.set(uids[0] ?? 0, `own${meaning.size}`);
      await inbox.sync();
      await inbox.store(uids, { mode: "add", flags: ["\\Seen"] });
    }
    for (const [index, other] of others.entries()) {
      for (const { subject, uid } of await other.kill()) if (index < 2) meaning.set(uid, subject);
    }
    running = [];
    const live = await inbox.sync();
    const fresh = await contents(await opened(), "INBOX");
    expect(Array.from({ length: live.size }, (_, index) => live.at(index).uid)).toEqual([...fresh.keys()]);
    for (const [uid, subject] of meaning) expect([uid, fresh.get(uid)]).toEqual([uid, subject]);
    expect(new Set(fresh.values()).size).toBe(fresh.size);
    await inbox.close();
  });
});
