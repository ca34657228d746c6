/** What other programs do to an mbox, and what stands in files that nobody should have written. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import type { MboxQuoting } from "postern/store";
import { addressOf, type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MboxStore } from "./store.ts";
import { storeWith } from "./testing/open-store.ts";

const FROM = "From a@b Fri Jan  2 03:04:05 2026\n";
let home = "";
let stores: MboxStore[] = [];
let mail: AccountMailboxes;
let index: TemporaryMailboxIndex | null = null;
const inboxPath = (): string => join(home, "inbox");
const control = (...parts: readonly string[]): string => join(home, "mail/.postern/boxes/=INBOX", ...parts);

async function opened(quoting: MboxQuoting = "mboxrd"): Promise<AccountMailboxes> {
  const store = storeWith({ quoting, index: index?.open() ?? null });
  stores.push(store);
  return store.of({ login: "someone", addresses: [addressOf("someone@example.org")], home, quotaBytes: null });
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-foreign-"));
  mkdirSync(join(home, "mail"));
  index = await temporaryMailboxIndex();
  mail = await opened();
});
afterEach(async () => {
  for (const store of stores) store.stop();
  stores = [];
  await index?.remove();
  rmSync(home, { recursive: true, force: true });
});

/** As after a power cut. */
async function lostIndex(): Promise<void> {
  await index?.remove();
  index = await temporaryMailboxIndex();
}

const put = (text: string | Buffer): void => writeFileSync(inboxPath(), text);
const message = (subject: string, body = "body\n"): string => `${FROM}Subject: ${subject}\n\n${body}\n`;
const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "resolved",
    (cause: { code?: unknown }) => cause.code,
  );

async function shown(mailbox: Mailbox): Promise<readonly string[]> {
  const snapshot = await mailbox.sync();
  const rows: string[] = [];
  for (let index = 0; index < snapshot.size; index++) {
    const { uid, flags, sizeBytes } = snapshot.at(index);
    const bytes = await mailbox.bytes(uid, 100_000_000);
    expect(bytes?.length).toBe(sizeBytes);
    rows.push(
      [uid, ...[...flags].sort(), /^Subject: (.*)\r$/m.exec(bytes?.toString("latin1") ?? "")?.[1] ?? ""].join(" "),
    );
  }
  return rows;
}

const sane = async (): Promise<void> => expect(await mail.inspect("INBOX", { repair: false })).toEqual([]);

describe("UIDs", () => {
  it("stand in the file before anybody hears of them, and outlive the index", async () => {
    put(message("a") + message("b"));
    const inbox = await mail.open("INBOX");
    expect(await shown(inbox)).toEqual(["1 a", "2 b"]);
    const text = readFileSync(inboxPath(), "utf8");
    expect(text).toMatch(new RegExp(`^X-IMAPbase: ${inbox.uidValidity} 0000000002 +$`, "m"));
    expect(text.match(/^X-UID: \d+/gm)).toEqual(["X-UID: 1", "X-UID: 2"]);
    await inbox.close();
    await lostIndex();
    const again = await (await opened()).open("INBOX");
    expect([again.uidValidity, again.mailboxId, await shown(again)]).toEqual([
      inbox.uidValidity,
      inbox.mailboxId,
      ["1 a", "2 b"],
    ]);
    await again.close();
  });

  it("are not taken from mail that claims some, nor twice, nor in a wrong order", async () => {
    const base = "X-IMAPbase: 1700000000 0000000009\n";
    put(
      `${FROM}${base}X-UID: 3\nSubject: a\n\n\n${FROM}X-UID: 7\nSubject: b\n\n\n${FROM}X-UID: 7\nSubject: c\n\n\n${FROM}X-UID: 8\nSubject: d\n\n\n`,
    );
    const inbox = await mail.open("INBOX");
    expect(await shown(inbox)).toEqual(["3 a", "7 b", "10 c", "11 d"]);
    appendFileSync(
      inboxPath(),
      `${FROM}X-UID: 4294967294\nX-IMAPbase: 1 5\nSubject: e\n\n\n${FROM}X-UID: 9\nSubject: f\n\n\n`,
    );
    expect(await shown(inbox)).toEqual(["3 a", "7 b", "10 c", "11 d", "12 e", "13 f"]);
    expect(inbox.uidValidity).toBe(1_700_000_000);
    await inbox.close();
    await sane();
  });

  it("begin anew under another UIDVALIDITY where the file says so, or nobody knows what they meant", async () => {
    put(message("a"));
    const inbox = await mail.open("INBOX");
    put(`${FROM}X-IMAPbase: 1500000000 0000000005\nX-UID: 5\nSubject: z\n\n\n`);
    expect(await codeOf(inbox.sync())).toBe("nonexistent");
    await inbox.close();
    const other = await mail.open("INBOX");
    expect([other.uidValidity, await shown(other)]).toEqual([1_500_000_000, ["5 z"]]);
    await other.close();
    put(`${FROM}X-UID: 5\nSubject: y\n\n\n`);
    rmSync(control(), { recursive: true });
    const third = await (await opened()).open("INBOX");
    expect(third.uidValidity).not.toBe(1_500_000_000);
    expect(await shown(third)).toEqual(["1 y"]);
    await third.close();
  });

  it("go on where the mailbox was emptied by another program", async () => {
    put(message("a") + message("b"));
    const inbox = await mail.open("INBOX");
    truncateSync(inboxPath(), 0);
    expect(await shown(inbox)).toEqual([]);
    put(message("c"));
    expect(await shown(inbox)).toEqual(["3 c"]);
    await inbox.close();
  });
});

describe("UW's pseudo message", () => {
  it("is no message, and holds what belongs to the mailbox", async () => {
    const pseudo = `From MAILER-DAEMON Fri Jan  2 03:04:05 2026\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1600000000 0000000041 Work\nStatus: RO\n\nThis text is part of the internal format of your mail folder.\n\n`;
    put(`${pseudo}${FROM}Subject: a\nX-UID: 41\nStatus: RO\nX-Keywords: Work\n\nx\n\n${message("b")}`);
    const inbox = await mail.open("INBOX");
    expect([inbox.uidValidity, await shown(inbox), inbox.keywords]).toEqual([
      1_600_000_000,
      ["41 Work \\Seen a", "42 b"],
      ["Work"],
    ]);
    await inbox.store([41, 42], { mode: "add", flags: ["\\Deleted", "More"] });
    await inbox.expunge(null);
    await mail.append("INBOX", [{ content: [Buffer.from("Subject: c\r\n\r\n")] }]);
    expect(await shown(inbox)).toEqual(["43 c"]);
    expect(readFileSync(inboxPath(), "utf8")).toMatch(/DON'T DELETE[\s\S]*X-IMAP: 1600000000 0000000043 Work More/);
    await inbox.close();
    await sane();
  });
});

describe("other programs", () => {
  it("may append, rewrite, cut and replace the file while it is open", async () => {
    put(message("a") + message("b") + message("c"));
    const inbox = await mail.open("INBOX");
    expect(await shown(inbox)).toEqual(["1 a", "2 b", "3 c"]);
    appendFileSync(inboxPath(), message("d"));
    expect(await shown(inbox)).toEqual(["1 a", "2 b", "3 c", "4 d"]);
    const text = readFileSync(inboxPath(), "utf8");
    // In its place, with the same length.
    put(text.replace("Status: O \nX-Status:     ", "Status: RO\nX-Status: F   "));
    expect(await shown(inbox)).toEqual(["1 \\Flagged \\Seen a", "2 b", "3 c", "4 d"]);
    // Without the second message, by a new file in its place.
    const [first = "", second = "", ...rest] = readFileSync(inboxPath(), "utf8").split(/^(?=From )/m);
    writeFileSync(`${inboxPath()}.new`, [first, ...rest].join(""));
    renameSync(`${inboxPath()}.new`, inboxPath());
    expect(await shown(inbox)).toEqual(["1 \\Flagged \\Seen a", "3 c", "4 d"]);
    // And back, which is another message to us.
    put([first, ...rest, second].join(""));
    expect(await shown(inbox)).toEqual(["1 \\Flagged \\Seen a", "3 c", "4 d", "5 b"]);
    await inbox.close();
    await sane();
  });

  it("may leave a piece of a message, without a line end", async () => {
    put(`${message("a")}${FROM}Subject: half\n\nno end`);
    const inbox = await mail.open("INBOX");
    expect(await shown(inbox)).toEqual(["1 a", "2 half"]);
    await mail.deliver("INBOX", { content: [Buffer.from("Subject: c\r\n\r\nx\r\n")] });
    expect(await shown(inbox)).toEqual(["1 a", "2 half", "3 c"]);
    await inbox.close();
    await sane();
  });

  it("find mail that is delivered to a mailbox which nobody here has read, and which is not read for it", async () => {
    put("this is no mbox, and who delivers does not look\n");
    await mail.deliver("INBOX", { content: [Buffer.from("Subject: x\r\n\r\n")] });
    expect(await codeOf(mail.open("INBOX"))).toBe("corruption");
    expect(readFileSync(inboxPath(), "utf8")).toMatch(/^this is no mbox[\s\S]*\nFrom MAILER-DAEMON .*\nSubject: x\n/);
    put(message("a"));
    await (await opened()).deliver("INBOX", {
      content: [Buffer.from("Return-Path: <x@y>\r\nSubject: b\r\n\r\nFrom x\r\n")],
    });
    expect(readFileSync(inboxPath(), "utf8")).toMatch(
      /^From x@y .*\nReturn-Path: <x@y>\nSubject: b\n[\s\S]*\n>From x\n\n$/m,
    );
    const inbox = await mail.open("INBOX");
    expect(await shown(inbox)).toEqual(["1 a", "2 b"]);
    await inbox.close();
  });
});

describe("hostile files", () => {
  it.each<[string, string | Buffer, readonly string[]]>([
    ["CRLF", (message("a") + message("b")).replaceAll("\n", "\r\n"), ["1 a", "2 b"]],
    ["NUL", `${FROM}Subject: a\n\n\0\0\n\0From \n\n${message("b")}`, ["1 a", "2 b"]],
    ["a header without end", `${FROM}Subject: a\nX: ${"x".repeat(300_000)}`, ["1 a"]],
    ["a line without end", `${FROM}Subject: a\n\n${">".repeat(300_000)}From`, ["1 a"]],
    ["From_ lines only", FROM.repeat(3), ["1 ", "2 ", "3 "]],
    [
      "a great many fields of the mailbox",
      `${FROM}${"X-UID: 1\nStatus: RO\nX-Keywords: a b\n".repeat(50)}Subject: a\n\n\n`,
      ["1 \\Seen a b a"],
    ],
    ["fields that never end", `${FROM}X-Keywords: a\n${" b\n".repeat(20_000)}Subject: a\n\n\n`, ["1 a"]],
    [
      "Content-Length that swallows what follows",
      `${FROM}Subject: a\nContent-Length: 30\n\nx\n\n${message("b")}`,
      ["1 a", "2 b"],
    ],
  ])("%s", async (_, text, expected) => {
    put(text);
    const inbox = await mail.open("INBOX");
    expect((await shown(inbox)).map((row) => row.split(" ").sort())).toEqual(
      expected.map((row) => row.split(" ").sort()),
    );
    const uids = Array.from({ length: inbox.snapshot.size }, (_, index) => inbox.snapshot.at(index).uid);
    await inbox.store(uids, { mode: "add", flags: ["\\Flagged", "Key"] });
    await inbox.store(uids.slice(0, 1), { mode: "add", flags: ["\\Deleted"] });
    await inbox.expunge(null);
    expect((await shown(inbox)).length).toBe(expected.length - 1);
    await inbox.close();
    await sane();
  });

  it("follows no link, and refuses what is no file of one name", async () => {
    put(message("secret"));
    symlinkSync(inboxPath(), join(home, "mail", "Linked"));
    linkSync(inboxPath(), join(home, "mail", "Hard"));
    mkdirSync(join(home, "elsewhere"));
    writeFileSync(join(home, "elsewhere", "Deep"), message("deep"));
    symlinkSync(join(home, "elsewhere"), join(home, "mail", "Dir"));
    for (const name of ["Linked", "Hard", "Dir/Deep"]) {
      expect([name, await codeOf(mail.open(name))]).toEqual([name, "noPermission"]);
      expect([name, await codeOf(mail.deliver(name, { content: [Buffer.from("x")] }))]).toEqual([name, "noPermission"]);
    }
  });

  it.skipIf(process.getuid?.() === 0)("shows what it may not write, and changes nothing", async () => {
    put(message("a"));
    chmodSync(inboxPath(), 0o400);
    const inbox = await mail.open("INBOX");
    expect(await shown(inbox)).toEqual(["1 a"]);
    expect(await codeOf(inbox.store([1], { mode: "add", flags: ["\\Seen"] }))).toBe("noPermission");
    expect(readFileSync(inboxPath(), "utf8")).toBe(message("a"));
    await inbox.close();
  });
});

describe("costs", () => {
  it("are a few octets for a flag that has room, and nothing moves", async () => {
    put(message("a") + message("b", `${"x".repeat(100_000)}\n`));
    const inbox = await mail.open("INBOX");
    const before = readFileSync(inboxPath());
    await inbox.store([1, 2], {
      mode: "add",
      flags: ["\\Seen", "\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "$Forwarded"],
    });
    const after = readFileSync(inboxPath());
    expect(after.length).toBe(before.length);
    expect(after.filter((octet, index) => octet !== before[index]).length).toBeLessThan(60);
    await inbox.close();
  });

  it("keeps the owner, the permissions and the inode of a file that it rewrites", async () => {
    put(message("a") + message("b"));
    chmodSync(inboxPath(), 0o640);
    const { ino } = statSync(inboxPath());
    const inbox = await mail.open("INBOX");
    await inbox.store([1], { mode: "add", flags: ["\\Deleted"] });
    await inbox.expunge(null);
    const after = statSync(inboxPath());
    expect([after.ino, after.mode & 0o777]).toEqual([ino, 0o640]);
    await inbox.close();
  });
});
