/** A Maildir goes from Dovecot to store-maildir and back, and no message gets another UID on the way. */
import { spawn } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { AccountMailboxes, Mailbox } from "../../core/contracts/mailbox-store.ts";
import { silentLog } from "../../core/testing/kernel.ts";
import { addressOf } from "../../core/testing/mail.ts";
import { OtherProcess } from "../../core/testing/mailbox-store/other-process.ts";
import { MaildirStore } from "../../plugins/store-maildir/store.ts";
import { describeWith } from "./programs.ts";

/** Dovecot refuses to touch mail as root: it works as `nobody` then, and the mail belongs to that user. */
const isRoot = process.getuid?.() === 0;
const OWNER = 65_534;

let home = "";
let log = "";
let stores: MaildirStore[] = [];
const maildir = (...parts: readonly string[]): string => join(home, "Maildir", ...parts);

async function giveToOwner(path: string): Promise<void> {
  if (!isRoot) return;
  await chown(path, OWNER, OWNER);
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    await chown(join(entry.parentPath, entry.name), OWNER, OWNER);
  }
}

/** Runs doveadm on the mailbox, without a server; whatever it complains about goes into `log`. */
async function doveadm(args: readonly string[], input = ""): Promise<string> {
  await giveToOwner(home);
  return doveadmAlone(args, input);
}

async function doveadmAlone(args: readonly string[], input = ""): Promise<string> {
  const child = spawn("doveadm", ["-c", join(home, "..", "dovecot.conf"), ...args], {
    cwd: "/",
    env: { PATH: process.env.PATH, HOME: home, USER: "someone", LC_ALL: "C.UTF-8" },
    ...(isRoot ? { uid: OWNER, gid: OWNER } : {}),
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  child.stdin.on("error", () => child.stdin.destroy()).end(input);
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  return out;
}

const fetched = async (mailbox: string): Promise<readonly (readonly string[])[]> =>
  (await doveadm(["-f", "tab", "fetch", "uid flags hdr.subject size.virtual", "mailbox", mailbox, "all"]))
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"));

const uidValidity = async (mailbox: string): Promise<number> =>
  Number(/uidvalidity=(\d+)/.exec(await doveadm(["mailbox", "status", "uidvalidity", mailbox]))?.[1]);

async function postern(): Promise<AccountMailboxes> {
  const store = new MaildirStore({
    path: "{home}/Maildir/",
    configDir: "/",
    specialUse: {},
    maxWatches: 0,
    checkEvery: 60_000,
    log: silentLog,
    clock: Date,
    notifier: null,
  });
  stores.push(store);
  return store.of({ login: "someone", addresses: [addressOf("someone@example.org")], home, quotaBytes: null });
}

const shown = ({ snapshot }: Mailbox) =>
  Array.from({ length: snapshot.size }, (_, index) => {
    const { uid, flags, sizeBytes } = snapshot.at(index);
    return { uid, flags: [...flags].sort(), sizeBytes };
  });

const message = (subject: string) => ({ content: [Buffer.from(`Subject: ${subject}\r\n\r\nText.\r\n`)] });

describeWith(["doveadm"], "a Maildir between Dovecot and store-maildir", () => {
  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), "postern-dovecot-"));
    await chmod(root, 0o755);
    home = join(root, "home");
    log = "";
    await writeFile(
      join(root, "dovecot.conf"),
      `base_dir = ${root}/run\nstate_dir = ${root}/run\nlog_path = /dev/stderr\nmail_location = maildir:~/Maildir\nssl = no\n` +
        `mail_uid = ${isRoot ? OWNER : process.getuid?.()}\nmail_gid = ${isRoot ? OWNER : process.getgid?.()}\nfirst_valid_uid = 1\n` +
        "namespace inbox {\n  inbox = yes\n  separator = /\n}\n",
    );
    await mkdir(home);
  });
  afterEach(async () => {
    for (const store of stores) store.stop();
    stores = [];
    await rm(join(home, ".."), { recursive: true, force: true });
  });

  it("opens what Dovecot made with the same UIDs, flags, keywords, sizes, names and subscriptions", async () => {
    for (const subject of ["one", "two", "three", "four"]) {
      await doveadm(["save", "-m", "INBOX"], `Subject: ${subject}\n\nBody with LF.\n`);
    }
    await doveadm(["expunge", "mailbox", "INBOX", "uid", "2"]);
    await doveadm(["flags", "add", "\\Seen $Forwarded Work", "mailbox", "INBOX", "uid", "3"]);
    await doveadm(["mailbox", "create", "-s", "Lists/Entwürfe & mehr"]);
    await doveadm(["save", "-m", "Lists/Entwürfe & mehr"], "Subject: deep\n\nx\n");
    const theirs = { inbox: await fetched("INBOX"), validity: await uidValidity("INBOX") };

    const mail = await postern();
    const inbox = await mail.open("INBOX");
    expect(inbox.uidValidity).toBe(theirs.validity);
    expect(shown(inbox).map(({ uid, sizeBytes }) => [String(uid), String(sizeBytes)])).toEqual(
      theirs.inbox.map(([uid, , , size]) => [uid, size]),
    );
    expect(shown(inbox).map(({ uid, flags }) => [uid, flags])).toEqual([
      [1, []],
      [3, ["$Forwarded", "Work", "\\Seen"]],
      [4, []],
    ]);
    expect(inbox.snapshot.uidNext).toBe(5);
    expect((await mail.list()).map(({ name, isSubscribed }) => [name, isSubscribed])).toEqual([
      ["INBOX", false],
      ["Lists", false],
      ["Lists/Entwürfe & mehr", true],
    ]);
    expect((await mail.status("Lists/Entwürfe & mehr")).uidValidity).toBe(await uidValidity("Lists/Entwürfe & mehr"));
    const ids = await mail.uniqueIds(inbox);
    expect(ids.get(3)).toBe(`00000003${theirs.validity.toString(16).padStart(8, "0")}`);
    await inbox.close();
    expect(log).toBe("");
  });

  it("gives back to Dovecot what it changed, without a complaint", async () => {
    await doveadm(["save", "-m", "INBOX"], "Subject: one\n\nx\n");
    await doveadm(["save", "-m", "INBOX"], "Subject: two\n\nx\n");
    await doveadm(["flags", "add", "First", "mailbox", "INBOX", "uid", "1"]);
    const validity = await uidValidity("INBOX");

    const mail = await postern();
    const inbox = await mail.open("INBOX");
    await mail.deliver("INBOX", message("delivered"));
    await inbox.sync();
    await mail.append("INBOX", [{ ...message("appended"), flags: ["\\Flagged", "Second"] }]);
    await inbox.sync();
    await inbox.store([2], { mode: "add", flags: ["\\Deleted"] });
    await inbox.expunge(null);
    await mail.create("Sub/Mappe ü", "\\Archive");
    await inbox.copy([1], "Sub/Mappe ü");
    await inbox.move([3], "Sub/Mappe ü");
    await mail.subscribe("Sub/Mappe ü");
    await inbox.sync();
    const ours = shown(inbox);
    await inbox.close();

    expect(await uidValidity("INBOX")).toBe(validity);
    const theirs = await fetched("INBOX");
    expect(theirs.map(([uid, , , size]) => [Number(uid), Number(size)])).toEqual(
      ours.map(({ uid, sizeBytes }) => [uid, sizeBytes]),
    );
    const subjects = theirs.map(([, flags, subject]) => [subject, (flags ?? "").replace("\\Recent", "").trim()]);
    expect(subjects).toContainEqual(["one", "First"]);
    expect(subjects).toContainEqual(["appended", "\\Flagged Second"]);
    expect((await fetched("Sub/Mappe ü")).map(([uid, , subject]) => [uid, subject])).toEqual([
      ["1", "one"],
      ["2", "delivered"],
    ]);
    expect(await doveadm(["mailbox", "list", "-s"])).toContain("Sub/Mappe ü");
    expect(log).toBe("");
  });

  it("goes to and fro with UIDs that only grow and mean one message each", async () => {
    const meaning = new Map<string, string>();
    const mail = await postern();
    let made = 0;
    for (let round = 0; round < 4; round++) {
      await mail.deliver("INBOX", message(`m${++made}`));
      await doveadm(["save", "-m", "INBOX"], `Subject: m${++made}\n\nx\n`);
      const inbox = await mail.open("INBOX");
      await mail.append("INBOX", [{ ...message(`m${++made}`), flags: [`Key${round}`] }]);
      await inbox.sync();
      if (round % 2) {
        const first = inbox.snapshot.at(0).uid;
        await inbox.store([first], { mode: "add", flags: ["\\Deleted"] });
        await inbox.expunge(null);
      } else await doveadm(["flags", "add", "\\Seen Theirs", "mailbox", "INBOX", "all"]);
      await inbox.sync();
      const theirs = await fetched("INBOX");
      expect(theirs.map(([uid]) => Number(uid))).toEqual(shown(inbox).map(({ uid }) => uid));
      for (const [uid = "", , subject = ""] of theirs) {
        expect(meaning.get(uid) ?? subject).toBe(subject);
        meaning.set(uid, subject);
      }
      const flagsByUid = new Map(theirs.map(([uid, flags]) => [Number(uid), flags?.split(" ")]));
      for (const { uid, flags } of shown(inbox)) {
        expect(
          flagsByUid
            .get(uid)
            ?.filter((flag) => flag !== "\\Recent" && flag !== "")
            .sort(),
        ).toEqual(flags);
      }
      await inbox.close();
    }
    expect(log).toBe("");
  });

  it("lets both append at the same time: every UID is given once", async () => {
    const mail = await postern();
    await mail.append("INBOX", [message("first")]);
    await giveToOwner(home);
    // As the user whose mail it is: both sides must be able to use each other's files.
    const other = new OtherProcess(
      {
        module: new URL("../../plugins/store-maildir/testing/open-store.ts", import.meta.url).href,
        ...{ indexDirectory: null, config: null, work: "append", tag: "w" },
        account: { login: "someone", addresses: [], home, quotaBytes: null },
      },
      isRoot ? { uid: OWNER, gid: OWNER } : {},
    );
    await other.ready;
    const saving = Array.from({ length: 10 }, (_, index) =>
      doveadmAlone(["save", "-m", "INBOX"], `Subject: d${index}\n\nx\n`),
    );
    await Promise.all([...saving, other.saidTimes(40)]);
    const appended = await other.kill();
    const theirs = await fetched("INBOX");
    const subjectOf = new Map(theirs.map(([uid, , subject]) => [Number(uid), subject]));
    for (const { uid, subject } of appended) expect([uid, subjectOf.get(uid)]).toEqual([uid, subject]);
    expect(theirs.filter(([, , subject]) => subject?.startsWith("d"))).toHaveLength(10);
    const inbox = await mail.open("INBOX");
    expect(theirs.map(([uid]) => Number(uid))).toEqual(shown(inbox).map(({ uid }) => uid));
    const lines = (await readFile(maildir("dovecot-uidlist"), "utf8")).trim().split("\n").slice(1);
    expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(lines.length);
    expect(log).toBe("");
    await inbox.close();
  });
});
