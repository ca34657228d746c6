/** What other programs do to a Maildir behind our back. */

import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Log, Mailbox } from "postern/plugin";
import { dotlock, mailboxPath } from "postern/store";
import { addressOf, keptLog } from "postern/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MaildirStore } from "./store.ts";
import { quietLog } from "./testing/quiet-log.ts";
import { storeWith } from "./testing/store-in.ts";

let home = "";
let stores: MaildirStore[] = [];
let mail: AccountMailboxes;
const maildir = (...parts: readonly string[]): string => join(home, "Maildir", ...parts);

const someone = { login: "someone", addresses: [addressOf("someone@example.org")], quotaBytes: null };

async function opened(log: Log = quietLog): Promise<AccountMailboxes> {
  const store = storeWith({ log });
  stores.push(store);
  return store.of({ ...someone, home });
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-foreign-"));
  for (const step of ["tmp", "new", "cur"]) mkdirSync(maildir(step), { recursive: true });
  mail = await opened();
});
afterEach(() => {
  for (const store of stores) store.stop();
  stores = [];
  rmSync(home, { recursive: true, force: true });
});

const put = (path: string, text = "Subject: x\n\nbody\n"): void => writeFileSync(maildir(path), text);
const uids = ({ snapshot }: Mailbox): readonly number[] =>
  Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "resolved",
    (cause: { code?: unknown }) => cause.code,
  );

it("gives no UIDVALIDITY behind the clock, so that none comes back that a power cut took away", async () => {
  const nowSeconds = Math.floor(Date.now() / 1000);
  writeFileSync(maildir("dovecot-uidvalidity"), "00000010");
  writeFileSync(maildir("dovecot-uidvalidity.00000010"), "");
  const inbox = await mail.open("INBOX", { isReadOnly: false });
  expect(inbox.uidValidity).toBeGreaterThanOrEqual(nowSeconds);
  await inbox.close();
});

it("gives UIDs by the time in the names, to files with and without sizes and flags", async () => {
  put("cur/1700000003.M1P1.host:2,S");
  put("new/1700000001.M9P1.host");
  put("cur/1700000001.M10P1.host:2,FT");
  put("cur/999.odd");
  const inbox = await mail.open("INBOX");
  const seen = uids(inbox).map((_, index) => [...inbox.snapshot.at(index).flags]);
  expect(seen).toEqual([[], [], ["\\Flagged", "\\Deleted"], ["\\Seen"]]);
  expect(inbox.snapshot.at(0).sizeBytes).toBe("Subject: x\r\n\r\nbody\r\n".length);
  expect([...inbox.recent]).toEqual([2]);
  await inbox.close();
});

it("follows renames and deletions in the same moment as a listing", async () => {
  for (let index = 0; index < 20; index++) put(`cur/17000000${index + 10}.M1P1.host:2,`);
  const inbox = await mail.open("INBOX");
  for (let index = 0; index < 20; index++) {
    const base = `17000000${index + 10}.M1P1.host`;
    renameSync(maildir("cur", `${base}:2,`), maildir("cur", `${base}:2,F`));
    await inbox.sync();
    expect([...inbox.snapshot.at(index).flags]).toEqual(["\\Flagged"]);
  }
  for (let index = 0; index < 20; index += 2) unlinkSync(maildir("cur", `17000000${index + 10}.M1P1.host:2,F`));
  await inbox.sync();
  expect(uids(inbox)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  await inbox.close();
});

it("never loses a message that is renamed all the time while it is listed", async () => {
  for (let index = 100; index < 400; index++) put(`cur/1700000${index}.M1P1.host:2,`);
  const inbox = await mail.open("INBOX");
  const expected = uids(inbox);
  let isSeen = false;
  let isDone = false;
  const turn = () => {
    if (isDone) return;
    const [from, to] = isSeen ? ["S", ""] : ["", "S"];
    for (let index = 100; index < 400; index += 7) {
      const base = `1700000${index}.M1P1.host`;
      renameSync(maildir("cur", `${base}:2,${from}`), maildir("cur", `${base}:2,${to}`));
    }
    isSeen = !isSeen;
    setImmediate(turn);
  };
  turn();
  for (let round = 0; round < 40; round++) {
    await inbox.sync();
    expect(uids(inbox)).toEqual(expected);
  }
  isDone = true;
  await inbox.close();
});

it("reads and changes a message that was renamed after the last sync", async () => {
  put("cur/1700000001.M1P1.host:2,");
  const inbox = await mail.open("INBOX");
  renameSync(maildir("cur/1700000001.M1P1.host:2,"), maildir("cur/1700000001.M1P1.host:2,FPz"));
  expect((await inbox.bytes(1, 1000))?.toString()).toBe("Subject: x\r\n\r\nbody\r\n");
  await inbox.store([1], { mode: "add", flags: ["\\Seen"] });
  await inbox.sync();
  expect([...inbox.snapshot.at(0).flags].sort()).toEqual(["\\Flagged", "\\Seen"]);
  // Letters that mean nothing here are kept for whoever set them.
  expect(readdirSync(maildir("cur"))).toEqual(["1700000001.M1P1.host:2,FPSz"]);
  await inbox.close();
});

it("shows two messages under one name as two, and two links as one", async () => {
  put("cur/1700000001.M1P1.host:2,S", "Subject: first\n\n");
  put("new/1700000001.M1P1.host", "Subject: second\n\n");
  put("new/1700000002.M1P1.host", "Subject: linked\n\n");
  linkSync(maildir("new/1700000002.M1P1.host"), maildir("cur/1700000002.M1P1.host:2,S"));
  const inbox = await mail.open("INBOX");
  await inbox.sync();
  const texts = await Promise.all(uids(inbox).map(async (uid) => (await inbox.bytes(uid, 1000))?.toString().trim()));
  expect(texts.toSorted()).toEqual(["Subject: first", "Subject: linked", "Subject: second"]);
  await inbox.close();
});

it("gives a message that comes back a new UID, above all that were seen", async () => {
  put("cur/1700000001.M1P1.host:2,");
  put("cur/1700000002.M1P1.host:2,");
  const inbox = await mail.open("INBOX");
  renameSync(maildir("cur/1700000001.M1P1.host:2,"), maildir("away"));
  await inbox.sync();
  expect(uids(inbox)).toEqual([2]);
  renameSync(maildir("away"), maildir("cur/1700000001.M1P1.host:2,"));
  await inbox.sync();
  expect(uids(inbox)).toEqual([2, 3]);
  const fresh = await (await opened()).open("INBOX");
  expect(uids(fresh)).toEqual([2, 3]);
  await fresh.close();
  await inbox.close();
});

it("goes on with a list of UIDs whose last line is half, and lines that make no sense, and keeps what it read", async () => {
  for (const second of [1, 2, 3, 4]) put(`cur/170000000${second}.M1P1.host:2,`);
  const validity = 1_234_567;
  const text = `3 V${validity} N20 Gabc Xy\n7 G1 :1700000001.M1P1.host\nnonsense\n6 :1700000002.M1P1.host\n9 W33 Pold-id :1700000003.M1P1.host\n9 :1700000004.M1P1.host\n12 :17000`;
  writeFileSync(maildir("dovecot-uidlist"), text);
  const { log, lines: logged } = keptLog();
  mail = await opened(log);
  const inbox = await mail.open("INBOX");
  expect(inbox.uidValidity).toBe(validity);
  expect(uids(inbox)).toEqual([6, 7, 9, 20]);
  expect((await mail.uniqueIds(inbox)).get(9)).toBe("old-id");
  const lines = readFileSync(maildir("dovecot-uidlist"), "utf8").split("\n");
  expect(lines).toEqual([
    `3 V${validity} N21 Gabc Xy`,
    "6 :1700000002.M1P1.host",
    "7 G1 :1700000001.M1P1.host",
    "9 W33 Pold-id :1700000003.M1P1.host",
    "20 :1700000004.M1P1.host",
    "",
  ]);
  expect(readFileSync(maildir("postern-damaged-dovecot-uidlist"), "utf8")).toBe(text);
  expect(logged.map(({ level, fields }) => [level, fields.file, fields.lines])).toContainEqual([
    "warn",
    "dovecot-uidlist",
    [3, 4, 6],
  ]);
  await inbox.close();
});

it("waits for the rest of a line that another program is still writing", async () => {
  for (const second of [1, 2]) put(`cur/170000000${second}.M1P1.host:2,`);
  writeFileSync(maildir("dovecot-uidlist"), "3 V77 N1 Gabc\n1 :1700000001.M1P1.host\n2 Pabc :17000");
  writeFileSync(maildir("dovecot-uidlist.lock"), "17:elsewhere.example");
  const opening = mail.open("INBOX");
  appendFileSync(maildir("dovecot-uidlist"), "00002.M1P1.host\n");
  unlinkSync(maildir("dovecot-uidlist.lock"));
  const inbox = await opening;
  expect(uids(inbox)).toEqual([1, 2]);
  expect((await mail.uniqueIds(inbox)).get(2)).toBe("abc");
  await inbox.close();
});

it("keeps keywords that it can read and tells of those that it cannot", async () => {
  put("cur/1700000001.M1P1.host:2,abz");
  const text = "0 First\nnonsense\n1 Second\n99 Beyond\n";
  writeFileSync(maildir("dovecot-keywords"), text);
  const { log, lines: logged } = keptLog();
  mail = await opened(log);
  const inbox = await mail.open("INBOX");
  expect([...inbox.snapshot.at(0).flags]).toEqual(["First", "Second"]);
  expect(logged.map(({ fields }) => [fields.file, fields.lines])).toEqual([["dovecot-keywords", [2, 4]]]);
  await inbox.store([1], { mode: "add", flags: ["Third"] });
  expect(readFileSync(maildir("dovecot-keywords"), "utf8")).toBe("0 First\n1 Second\n2 Third\n");
  expect(readFileSync(maildir("postern-damaged-dovecot-keywords"), "utf8")).toBe(text);
  expect(readdirSync(maildir("cur"))).toEqual(["1700000001.M1P1.host:2,abcz"]);
  await inbox.close();
});

it("never breaks the lock of a living process on this host, however old it is", async () => {
  const path = maildir("dovecot-uidlist.lock");
  writeFileSync(path, `1:${hostname()}`);
  const old = new Date(Date.now() - 600_000);
  utimesSync(path, old, old);
  expect(await dotlock(path, { waitMs: 200, staleMs: 1_000 })).toBeNull();
  writeFileSync(path, "");
  // Nothing in it, and the file beside it was changed just now: somebody may be at work.
  put("dovecot-uidlist", "3 V77 N1 Gabc\n");
  utimesSync(path, old, old);
  expect(await dotlock(path, { waitMs: 200, staleMs: 100_000 })).toBeNull();
  utimesSync(maildir("dovecot-uidlist"), old, old);
  (await dotlock(path, { waitMs: 200, staleMs: 100_000 }))?.release();
  expect(readdirSync(maildir()).filter((name) => name.includes("lock"))).toEqual([]);
});

it("starts anew under another UIDVALIDITY when the list of UIDs is gone, and tells whoever has it open", async () => {
  put("cur/1700000001.M1P1.host:2,");
  const inbox = await mail.open("INBOX");
  const before = inbox.uidValidity;
  unlinkSync(maildir("dovecot-uidlist"));
  put("cur/1700000002.M1P1.host:2,");
  expect(await codeOf(inbox.sync())).toBe("nonexistent");
  await inbox.close();
  const again = await mail.open("INBOX");
  expect(again.uidValidity).toBeGreaterThan(before);
  expect(uids(again)).toEqual([1, 2]);
  await again.close();
});

it("breaks locks of processes that are gone, and of other hosts after a long silence", async () => {
  const lock = maildir("dovecot-uidlist.lock");
  const old = new Date(Date.now() - 600_000);
  for (const [owner, isOld] of [
    [`999999999:${hostname()}`, false],
    [`${process.pid}:${hostname()}`, false],
    ["17:elsewhere.example", true],
    ["", true],
  ] as const) {
    writeFileSync(lock, owner);
    if (isOld) for (const path of [lock, maildir("dovecot-uidlist")]) utimesSync(path, old, old);
    await mail.append("INBOX", [{ content: [Buffer.from("Subject: x\r\n\r\n")] }]);
    expect(readdirSync(maildir()).filter((name) => name.includes(".lock"))).toEqual([]);
  }
});

it("waits for a lock that is held, and goes on when it is released", async () => {
  const lock = maildir("dovecot-uidlist.lock");
  writeFileSync(lock, "17:elsewhere.example");
  const appended = mail.append("INBOX", [{ content: [Buffer.from("Subject: x\r\n\r\n")] }]);
  let isDone = false;
  void appended.then(() => {
    isDone = true;
  });
  // Delivery does not wait for it.
  await mail.deliver("INBOX", { content: [Buffer.from("Subject: y\r\n\r\n")] });
  expect(isDone).toBe(false);
  unlinkSync(lock);
  expect((await appended).uids).toHaveLength(1);
});

it("follows no link out of the mailbox", async () => {
  const secret = join(home, "secret");
  mkdirSync(join(home, "elsewhere", "cur"), { recursive: true });
  mkdirSync(join(home, "elsewhere", "new"));
  writeFileSync(secret, "Subject: secret\n\n");
  symlinkSync(secret, maildir("cur/1700000001.M1P1.host:2,"));
  symlinkSync(join(home, "elsewhere"), maildir(".Linked"));
  mkdirSync(maildir(".Half"));
  symlinkSync(join(home, "elsewhere", "cur"), maildir(".Half/cur"));
  mkdirSync(maildir(".Half/new"));
  await mail.create("Target");
  const inbox = await mail.open("INBOX");
  expect(await codeOf(inbox.content(1))).toBe("noPermission");
  expect(await codeOf(Promise.resolve(inbox.bytes(1, 1000)))).toBe("noPermission");
  expect(await codeOf(inbox.copy([1], "Target"))).toBe("noPermission");
  for (const name of ["Linked", "Half"]) {
    expect(await codeOf(mail.open(name))).toBe("noPermission");
    expect(await codeOf(mail.deliver(name, { content: [Buffer.from("x")] }))).toBe("noPermission");
  }
  await inbox.close();
});

it("removes old files in tmp/, and no young ones", async () => {
  put("tmp/old");
  put("tmp/young");
  const clock = { now: () => Date.now() + 37 * 3_600_000 };
  put("tmp/keeps");
  const store = storeWith({ clock });
  stores.push(store);
  const inTmp = () => readdirSync(maildir("tmp")).filter((name) => !name.startsWith("dovecot-uidlist.lock."));
  await mail.status("INBOX");
  expect(inTmp().toSorted()).toEqual(["keeps", "old", "young"]);
  await (await store.of({ ...someone, home })).status("INBOX");
  expect(inTmp()).toEqual([]);
});

it("refuses a 27th keyword and changes nothing", async () => {
  const inbox = await mail.open("INBOX");
  await mail.append("INBOX", [{ content: [Buffer.from("Subject: x\r\n\r\n")] }]);
  await inbox.sync();
  const flags = Array.from({ length: 26 }, (_, index) => `k${index}`);
  await inbox.store([1], { mode: "add", flags });
  expect(inbox.canAddKeywords).toBe(false);
  expect(await codeOf(inbox.store([1], { mode: "add", flags: ["\\Seen", "more"] }))).toBe("limit");
  await inbox.sync();
  expect([...inbox.snapshot.at(0).flags].sort()).toEqual(flags.toSorted());
  await inbox.close();
});

it.each([
  ["{home}/Maildir/", "ann", "/home/ann", "/home/ann/Maildir"],
  ["/var/mail/{domain}/{user}/", "ann@example.org", "/home/ann", "/var/mail/example.org/ann"],
  ["mail/{user}/", "ann", "/home/ann", "/etc/postern/mail/ann"],
])("puts mail for %s of %s in its place", (template, login, where, expected) => {
  expect(mailboxPath(template, { ...someone, login, home: where }, "/etc/postern")).toBe(expected);
});

it.each([
  ["/var/mail/{user}/", "../root"],
  ["/var/mail/{user}/", ".."],
  ["/var/mail/{user}/", "a/b"],
  ["/var/mail/{domain}/{user}/", "ann@.."],
  ["/var/mail/{user}/", "a\u0000b"],
])("has no place %s for the login %s", (template, login) => {
  expect(() => mailboxPath(template, { ...someone, login, home: "/home/ann" }, "/")).toThrow("no place");
});
