/** Kills that concern mboxes alone: in the middle of a rewrite. All others are the suite's. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes } from "postern/plugin";
import { OtherProcess, type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { MboxStore } from "./store.ts";
import { storeWith } from "./testing/open-store.ts";

const ROUNDS = 3;
vi.setConfig({ testTimeout: 240_000 });
const subjects = Array.from({ length: 100 }, (_, index) => `m${index + 1}`);
let home = "";
let store: MboxStore | null = null;
let index: TemporaryMailboxIndex | null = null;
let running: OtherProcess | null = null;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "postern-crash-"));
  index = await temporaryMailboxIndex();
});
afterEach(async () => {
  store?.stop();
  await running?.kill();
  running = null;
  await index?.remove();
  await rm(home, { recursive: true, force: true });
});

const account = () => ({ login: "someone", addresses: [], home, quotaBytes: null });
const bodyOf = (subject: string): string => `${`line of ${subject}\r\n`.repeat(200)}end of ${subject}\r\n`;
const message = (subject: string) => ({ content: [Buffer.from(`Subject: ${subject}\r\n\r\n${bodyOf(subject)}`)] });

/** A fresh look, as after a restart. */
async function opened(): Promise<AccountMailboxes> {
  store?.stop();
  store = storeWith({ index: index?.open() ?? null });
  return store.of(account());
}

/** Lets a process make room in headers until it has said something, and kills it at a moment that differs from round to round. */
async function killed(round: number): Promise<void> {
  running = new OtherProcess({
    ...{ module: new URL("testing/open-store.ts", import.meta.url).href, config: null },
    indexDirectory: index?.directory ?? null,
    ...{ account: account(), work: "keywords", tag: `r${round % 2}` },
  });
  await running.ready;
  await running.saidTimes(2 + (round % 2) * 3);
  for (let turns = Math.random() * 60; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  await running.kill();
  running = null;
}

it("a process that is killed in the middle of making room in a header has lost nothing, whatever became of the index", async () => {
  const mail = await opened();
  await mail.append("INBOX", subjects.map(message));
  const { uidValidity } = await mail.status("INBOX");
  for (let round = 0; round < ROUNDS; round++) {
    await killed(round);
    if (round % 2) {
      await index?.remove();
      index = await temporaryMailboxIndex();
    }
    const again = await opened();
    const inbox = await again.open("INBOX");
    const found: [number, Buffer | null][] = [];
    for (let index = 0; index < inbox.snapshot.size; index++) {
      const { uid } = inbox.snapshot.at(index);
      found.push([uid, await inbox.bytes(uid, 1_000_000)]);
    }
    expect(found).toEqual(subjects.map((subject, index) => [index + 1, message(subject).content[0]]));
    expect((await again.status("INBOX")).uidValidity).toBe(uidValidity);
    await inbox.close();
  }
});
