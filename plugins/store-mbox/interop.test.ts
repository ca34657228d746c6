/** An mbox goes round between this store, Dovecot and mutt, and all of them see the same. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { addressOf, type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MboxStore } from "./store.ts";
import { locksHere } from "./testing/locks-here.ts";
import { storeWith } from "./testing/open-store.ts";

const has = (program: string): boolean =>
  (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, program)));

/** Dovecot refuses to touch mail as root: it works as `nobody` then, and the mail belongs to that user. */
const isRoot = process.getuid?.() === 0;
const OWNER = 65_534;
const who = isRoot ? { uid: OWNER, gid: OWNER } : {};

let root = "";
let home = "";
let stores: MboxStore[] = [];
let index: TemporaryMailboxIndex | null = null;

async function giveToOwner(path: string): Promise<void> {
  if (!isRoot) return;
  await chown(path, OWNER, OWNER);
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    await chown(join(entry.parentPath, entry.name), OWNER, OWNER);
  }
}

async function ended(child: ChildProcess, input = ""): Promise<string> {
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stdin?.on("error", () => child.stdin?.destroy()).end(input);
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  return out;
}

async function doveadm(args: readonly string[], input = ""): Promise<string> {
  await giveToOwner(home);
  const env = { PATH: process.env.PATH, HOME: home, USER: "someone", LC_ALL: "C.UTF-8" };
  return ended(spawn("doveadm", ["-c", join(root, "dovecot.conf"), ...args], { cwd: "/", env, ...who }), input);
}

/** Presses keys in mutt, in a terminal of its own. */
async function mutt(file: string, keys: string): Promise<void> {
  await giveToOwner(home);
  const env = { PATH: process.env.PATH, HOME: home, TERM: "xterm", LC_ALL: "C.UTF-8" };
  const command = `mutt -n -F ${join(root, "muttrc")} -e 'push "${keys}<sync-mailbox><quit>"' -f ${file}`;
  await ended(spawn("script", ["-qec", command, "/dev/null"], { cwd: "/", env, ...who }));
}

async function postern(): Promise<AccountMailboxes> {
  const store = storeWith({ index: index?.open() ?? null });
  stores.push(store);
  return store.of({ login: "someone", addresses: [addressOf("someone@example.org")], home, quotaBytes: null });
}

const message = (subject: string, body = "Text.\r\n") => ({
  content: [Buffer.from(`Subject: ${subject}\r\n\r\n${body}`)],
});

/** UID, flags, subject and size of each message. */
async function seenBy(mailbox: Mailbox): Promise<readonly string[]> {
  const snapshot = await mailbox.sync();
  const rows: string[] = [];
  for (let index = 0; index < snapshot.size; index++) {
    const { uid, flags, sizeBytes } = snapshot.at(index);
    const text = (await mailbox.bytes(uid, 1_000_000))?.toString() ?? "";
    expect(text.length).toBe(sizeBytes);
    rows.push(`${uid} [${[...flags].sort().join(" ")}] ${/^Subject: (.*)\r$/m.exec(text)?.[1]} ${sizeBytes}`);
  }
  return rows;
}

async function seenByDovecot(mailbox = "INBOX"): Promise<readonly string[]> {
  const out = await doveadm(["-f", "tab", "fetch", "uid flags hdr.subject size.virtual", "mailbox", mailbox, "all"]);
  return out
    .split("\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => {
      const [uid, flags = "", subject, size] = line.split("\t");
      const shown = flags.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent");
      return `${uid} [${shown.sort().join(" ")}] ${subject} ${size}`;
    });
}

const validityOfDovecot = async (): Promise<number> =>
  Number(/uidvalidity=(\d+)/.exec(await doveadm(["mailbox", "status", "uidvalidity", "INBOX"]))?.[1]);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "postern-mbox-"));
  await chmod(root, 0o755);
  home = join(root, "home");
  await mkdir(join(home, "mail"), { recursive: true });
  index = await temporaryMailboxIndex();
  await writeFile(
    join(root, "dovecot.conf"),
    `base_dir = ${root}/run\nstate_dir = ${root}/run\nlog_path = /dev/stderr\nmail_location = mbox:~/mail:INBOX=~/inbox\nssl = no\n` +
      `mail_uid = ${isRoot ? OWNER : process.getuid?.()}\nmail_gid = ${isRoot ? OWNER : process.getgid?.()}\nfirst_valid_uid = 1\n` +
      "namespace inbox {\n  inbox = yes\n  separator = /\n}\n",
  );
  await writeFile(
    join(root, "muttrc"),
    `set crypt_use_gpgme=no mbox_type=mbox delete=yes mark_old=yes wait_key=no quit=yes folder=${home} confirmappend=no\n`,
  );
});
afterEach(async () => {
  for (const store of stores) store.stop();
  stores = [];
  await index?.remove();
  await rm(root, { recursive: true, force: true });
});

describe.skipIf(!has("doveadm"))("an mbox between Dovecot and store-mbox", () => {
  it("has the same UIDs, flags, keywords and sizes for both, round after round", async () => {
    for (const subject of ["one", "two", "three"])
      await doveadm(["save", "-m", "INBOX"], `Subject: ${subject}\n\nBody.\n`);
    await doveadm(["flags", "add", "\\Seen $Forwarded Work", "mailbox", "INBOX", "uid", "2"]);
    await doveadm(["expunge", "mailbox", "INBOX", "uid", "1"]);
    const mail = await postern();
    const inbox = await mail.open("INBOX");
    expect(inbox.uidValidity).toBe(await validityOfDovecot());
    for (let round = 0; round < 4; round++) {
      expect(await seenBy(inbox)).toEqual(await seenByDovecot());
      // Ours: a new one, flags and keywords on old ones, one that goes.
      const { uids } = await mail.append("INBOX", [message(`ours${round}`), message(`doomed${round}`)]);
      await inbox.sync();
      await inbox.store(uids.slice(0, 1), { mode: "add", flags: ["\\Flagged", `Round${round}`] });
      await inbox.store(uids.slice(1), { mode: "add", flags: ["\\Deleted"] });
      await inbox.expunge(null);
      expect(await seenByDovecot()).toEqual(await seenBy(inbox));
      // Theirs: the same.
      await doveadm(["save", "-m", "INBOX"], `Subject: theirs${round}\n\nFrom here on\nBody.\n`);
      const last = (await seenByDovecot()).at(-1)?.split(" ", 1)[0] ?? "";
      await doveadm(["flags", "add", `\\Answered Their${round}`, "mailbox", "INBOX", "uid", last]);
      await doveadm(["flags", "remove", "\\Flagged", "mailbox", "INBOX", "uid", String(uids[0])]);
      if (round === 2) await doveadm(["expunge", "mailbox", "INBOX", "uid", "2"]);
      // Somebody else's: no field of any mailbox.
      await appendFile(
        join(home, "inbox"),
        `From x@y Fri Jan  2 03:04:0${round} 2026\nSubject: plain${round}\nX-UID: 4000000000\n\nx\n\n`,
      );
      if (round % 2) await seenByDovecot();
    }
    expect(await seenBy(inbox)).toEqual(await seenByDovecot());
    expect(inbox.uidValidity).toBe(await validityOfDovecot());
    await inbox.close();
    const again = await (await postern()).open("INBOX");
    expect(await seenBy(again)).toEqual(await seenByDovecot());
    await again.close();
  });

  it("has the same names and subscriptions for both", async () => {
    await doveadm(["mailbox", "create", "-s", "Lists/Entwürfe & mehr"]);
    await doveadm(["save", "-m", "Lists/Entwürfe & mehr"], "Subject: deep\n\nx\n");
    const mail = await postern();
    expect((await mail.list()).map(({ name }) => name)).toContain("Lists/Entwürfe & mehr");
    expect(await mail.subscriptions()).toEqual(["Lists/Entwürfe & mehr"]);
    const deep = await mail.open("Lists/Entwürfe & mehr");
    expect(await seenBy(deep)).toEqual(await seenByDovecot("Lists/Entwürfe & mehr"));
    await deep.close();
    await mail.create("Späm");
    await mail.subscribe("Späm");
    await mail.append("Späm", [message("ours")]);
    expect((await doveadm(["mailbox", "list"])).split("\n")).toContain("Späm");
    expect((await doveadm(["mailbox", "list", "-s"])).split("\n")).toContain("Späm");
    expect(await seenByDovecot("Späm")).toEqual([expect.stringMatching(/^1 \[\] ours \d+$/)]);
  });
});

describe.skipIf(!has("mutt") || !has("script"))("an mbox between mutt and store-mbox", () => {
  it("keeps UIDs, flags and keywords while mutt rewrites it, also without its first message", async () => {
    const mail = await postern();
    const subjects = ["a", "b", "c", "d", "e"];
    await mail.append(
      "INBOX",
      subjects.map((subject) => message(subject, `>From text of ${subject}\r\nFrom ${subject}\r\n`)),
    );
    const inbox = await mail.open("INBOX");
    await inbox.store([2, 4], { mode: "add", flags: ["Work", "\\Answered"] });
    const { uidValidity } = inbox;
    const before = await seenBy(inbox);
    const file = join(home, "inbox");
    await mutt(file, "<first-entry><next-entry><flag-message>");
    expect(await seenBy(inbox)).toEqual(
      before.map((row) => row.replace("2 [Work \\Answered]", "2 [Work \\Answered \\Flagged]")),
    );
    await mutt(file, "<first-entry><delete-message>");
    const rest = before.slice(1).map((row) => row.replace("2 [Work \\Answered]", "2 [Work \\Answered \\Flagged]"));
    expect(await seenBy(inbox)).toEqual(rest);
    await inbox.store([3], { mode: "add", flags: ["Late", "\\Seen", "\\Flagged"] });
    const { uids } = await mail.append("INBOX", [message("f")]);
    expect(uids).toEqual([6]);
    await mutt(file, "<last-entry><delete-message>");
    const last = await seenBy(inbox);
    expect(last).toEqual(rest.map((row) => row.replace("3 []", "3 [Late \\Flagged \\Seen]")));
    await inbox.close();
    const again = await (await postern()).open("INBOX");
    expect([again.uidValidity, await seenBy(again)]).toEqual([uidValidity, last]);
    await again.close();
  });

  it("is seen by mutt with the messages that this store wrote", async () => {
    const mail = await postern();
    await mail.append(
      "INBOX",
      ["a", "b", "c"].map((subject) => message(subject)),
    );
    await mail.create("Saved");
    // mutt copies what it sees into another file.
    await mutt(
      join(home, "inbox"),
      `<tag-pattern>~A<enter><tag-prefix><copy-message>${join(home, "mail", "Saved")}<enter>`,
    );
    const saved = await mail.open("Saved");
    expect((await seenBy(saved)).map((row) => row.split(" ").at(-2))).toEqual(["a", "b", "c"]);
    await saved.close();
  });
});

describe.skipIf(!has("python3") || locksHere[0] !== "fcntl")("locks", () => {
  it("keep another program out that takes fcntl locks, and wait for it, whatever this process closes", async () => {
    const mail = await postern();
    await mail.append("INBOX", [message("a")]);
    const file = join(home, "inbox");
    const script = `import fcntl,sys
f=open(sys.argv[1],"r+b")
fcntl.lockf(f, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.readline()
f.seek(0,2)
f.write(b"From x@y Fri Jan  2 03:04:05 2026\\nSubject: theirs\\n\\nx\\n\\n")
f.close()`;
    const child = spawn("python3", ["-c", script, file], { stdio: ["pipe", "pipe", "inherit"] });
    const over = new Promise((resolve) => child.once("close", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    let isDone = false;
    const appended = mail.append("INBOX", [message("b")]).then((answer) => {
      isDone = true;
      return answer;
    });
    // Reading and closing other descriptors of the file does not give anybody's lock away.
    execFileSync("cat", [file]);
    expect(isDone).toBe(false);
    child.stdin.write("go\n");
    await over;
    expect((await appended).uids).toEqual([3]);
    const inbox = await mail.open("INBOX");
    expect((await seenBy(inbox)).map((row) => row.split(" ").at(-2))).toEqual(["a", "theirs", "b"]);
    await inbox.close();
  });
});
