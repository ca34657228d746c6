/** Several sessions that append to one mailbox at once get their UIDs together; what is wrong with one is no other's fault. */
import { mkdtemp, readdir, readFile, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes } from "postern/plugin";
import { type Dotlock, dotlock } from "postern/store";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MaildirStore } from "./store.ts";
import { storeWith } from "./testing/store-in.ts";

let home = "";
let store: MaildirStore;
let mail: AccountMailboxes;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "postern-together-"));
  store = storeWith();
  mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
  await (await mail.open("INBOX")).close();
});
afterEach(async () => {
  store.stop();
  await rm(home, { recursive: true, force: true });
});

const inMaildir = (...steps: readonly string[]): string => join(home, "Maildir", ...steps);
const message = (subject: string) => ({ content: [Buffer.from(`Subject: ${subject}\r\n\r\n`)] });

async function locked(): Promise<Dotlock> {
  const lock = await dotlock(inMaildir("dovecot-uidlist.lock"), { waitMs: 0, staleMs: 60_000 });
  if (!lock) throw new Error("the mailbox is locked already");
  return lock;
}

/** What the store keeps for the next lock lies there, too. */
const inTmp = async (): Promise<readonly string[]> =>
  (await readdir(inMaildir("tmp"))).filter((name) => !name.startsWith("dovecot-uidlist.lock."));

/** Paths of what waits for a UID, by subject, once there are so many. */
async function waiting(count: number): Promise<ReadonlyMap<string, string>> {
  await expect.poll(inTmp).toHaveLength(count);
  const paths = (await inTmp()).map((name) => inMaildir("tmp", name));
  const texts = await Promise.all(paths.map((path) => readFile(path, "latin1")));
  return new Map(texts.map((text, index) => [/^Subject: (.*)\r/.exec(text)?.[1] ?? "", paths[index] ?? ""]));
}

async function seenUids(): Promise<readonly number[]> {
  const inbox = await mail.open("INBOX");
  const { snapshot } = inbox;
  await inbox.close();
  return Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
}

it("each has its own UIDs, and those of one command follow one another", async () => {
  const lock = await locked();
  const commands = ["a", "b", "c", "d"].map((name) => mail.append("INBOX", [message(`${name}1`), message(`${name}2`)]));
  await waiting(8);
  lock.release();
  const uids = (await Promise.all(commands)).map((appended) => appended.uids);
  for (const [first = 0, second] of uids) expect(second).toBe(first + 1);
  expect(await seenUids()).toEqual(uids.flat().sort((one, other) => one - other));
});

it("a message that is lost on the way fails its own command, with all its messages, and no other", async () => {
  const lock = await locked();
  const commands = ["a", "b", "c"].map((name) => mail.append("INBOX", [message(`${name}1`), message(`${name}2`)]));
  await unlink((await waiting(6)).get("b2") ?? "");
  lock.release();
  const [first, second, third] = await Promise.allSettled(commands);
  expect([first?.status, second?.status, third?.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const uids = [first, third].flatMap((one) => (one?.status === "fulfilled" ? one.value.uids : []));
  expect(new Set(uids).size).toBe(4);
  expect(await seenUids()).toEqual([...uids].sort((one, other) => one - other));
  store.stop();
  expect(await inTmp()).toEqual([]);
});
