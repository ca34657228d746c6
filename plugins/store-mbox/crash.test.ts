import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MboxStore } from "./store.ts";
import { locksHere } from "./testing/locks-here.ts";
import { OtherProcess, type OtherProcessInit, type Said } from "./testing/other-process.ts";
import { quietLog } from "./testing/quiet-log.ts";

/** Every round starts a process, which takes its time on a busy machine. */
const ROUNDS = 2;
vi.setConfig({ testTimeout: 240_000 });
let home = "";
let store: MboxStore | null = null;
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

/** A fresh look, as after a restart. */
async function opened(): Promise<AccountMailboxes> {
  store?.stop();
  store = new MboxStore({
    ...{
      path: "{home}/mail/",
      inbox: "{home}/inbox",
      configDir: "/",
      quoting: "mboxrd",
      locks: locksHere,
      mode: 0o600,
    },
    ...{ specialUse: {}, maxWatches: 0, checkEvery: 60_000, log: quietLog, clock: Date, notifier: null, quotas: null },
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
    expect([text.slice(-40), text.length]).toEqual([expect.stringContaining(`end of ${subject}\r\n`), sizeBytes]);
    subjects.set(uid, subject);
  }
  await mailbox.close();
  expect(await mail.inspect(name, { repair: false })).toEqual([]);
  expect(existsSync(join(home, "mail/.postern/boxes/=INBOX/journal"))).toBe(false);
  return subjects;
}

/** Lets a process work until it has said something, and kills it at a moment that differs from round to round. */
async function killed(work: OtherProcessInit["work"], round: number): Promise<readonly Said[]> {
  const other = new OtherProcess({ home, work, tag: `r${round}` });
  running.push(other);
  await other.ready;
  await other.saidTimes(2 + round * 3);
  for (let turns = Math.random() * 60; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
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

  it("in the middle of expunging has removed nothing but what was to go", async () => {
    const mail = await opened();
    await mail.append(
      "INBOX",
      Array.from({ length: 150 }, (_, index) => message(`m${index + 1}`)),
    );
    const gone = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { uid } of await killed("expunge", round)) gone.add(uid);
      const found = await contents(await opened(), "INBOX");
      for (let uid = 1; uid <= 150; uid += 2) expect(found.get(uid)).toBe(`m${uid}`);
      for (const uid of gone) expect(found.has(uid)).toBe(false);
      for (const [uid, subject] of found) expect(subject).toBe(`m${uid}`);
    }
  });

  it("in the middle of making room in a header has lost nothing, whatever became of the index", async () => {
    const subjects = Array.from({ length: 100 }, (_, index) => `m${index + 1}`);
    const mail = await opened();
    await mail.append("INBOX", subjects.map(message));
    const { uidValidity } = await mail.status("INBOX");
    for (let round = 0; round < 1 + ROUNDS; round++) {
      await killed("widen", round % ROUNDS);
      if (round % 2) await rm(join(home, "mail/.postern/boxes/=INBOX/index"));
      const again = await opened();
      expect([...(await contents(again, "INBOX"))]).toEqual(subjects.map((subject, index) => [index + 1, subject]));
      expect((await again.status("INBOX")).uidValidity).toBe(uidValidity);
    }
  });
});
