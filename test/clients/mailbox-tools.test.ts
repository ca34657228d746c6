/** `postern mailbox` beside the programs people come from: a Dovecot that is moved from, also killed in the middle; mbox files of mutt. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ImapFlow } from "imapflow";
import { afterEach, beforeEach, expect, it } from "vitest";
import { run as runPostern } from "../../core/cli/program.ts";
import { silentLog } from "../../core/testing/kernel.ts";
import { addressOf } from "../../core/testing/mail.ts";
import { MaildirStore } from "../../plugins/store-maildir/store.ts";
import { Dovecot } from "./dovecot.ts";
import { describeWith, run } from "./programs.ts";

const bin = fileURLToPath(new URL("../../core/cli/bin.ts", import.meta.url));
const command = ["-C", "postern-source", "--import", fileURLToPath(import.meta.resolve("tsx")), bin];

let site = "";
const stores: MaildirStore[] = [];

beforeEach(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-tools-"));
  await mkdir(join(site, "data"));
  await writeFile(
    join(site, "postern.config.yaml"),
    "hostname: mx.example.org\norigin: example.org\ndataDir: data\nworkers: 1\n" +
      "listeners: [{ role: mx, host: 127.0.0.1, port: 0 }]\n" +
      "plugins:\n  - directory-file: { path: accounts.yaml, domains: [example.org] }\n  - store-maildir\n  - deliver-local\n",
  );
  await writeFile(join(site, "accounts.yaml"), "accounts: [{ address: ann@example.org }]\n", { mode: 0o600 });
  await writeFile(join(site, "password"), "secret\n", { mode: 0o600 });
});
afterEach(async () => {
  for (const store of stores.splice(0)) store.stop();
  await rm(site, { recursive: true, force: true });
});

async function mailbox(...args: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([text(out), text(err)]);
  const code = await runPostern(["mailbox", ...args], { out, err, in: Readable.from([]), cwd: site });
  out.end();
  err.end();
  const [said, complained] = await texts;
  if (code !== 0) throw new Error(complained);
  return { out: said, err: complained };
}

async function ours() {
  const store = new MaildirStore({
    path: "{home}/Maildir/",
    configDir: "/",
    specialUse: { Sent: "\\Sent" },
    maxWatches: 0,
    checkEvery: 60_000,
    log: silentLog,
    clock: Date,
    notifier: null,
  });
  stores.push(store);
  const home = join(site, "data/mail/example.org/ann");
  return store.of({ login: "ann", addresses: [addressOf("ann@example.org")], home, quotaBytes: null });
}

interface Seen {
  readonly uid: number;
  readonly flags: readonly string[];
  readonly date: number;
  readonly content: string;
}

async function seenHere(
  name: string,
): Promise<{ readonly validity: number; readonly next: number; readonly all: readonly Seen[] }> {
  const opened = await (await ours()).open(name, { isReadOnly: true });
  const all: Seen[] = [];
  for (let index = 0; index < opened.snapshot.size; index++) {
    const { uid, flags, internalDate } = opened.snapshot.at(index);
    const content = (await opened.bytes(uid, 1_000_000))?.toString("latin1") ?? "";
    all.push({ uid, flags: [...flags].sort(), date: Math.floor(internalDate / 1000), content });
  }
  await opened.close();
  return { validity: opened.uidValidity, next: opened.snapshot.uidNext, all };
}

async function seenThere(client: ImapFlow, name: string) {
  const opened = await client.mailboxOpen(name, { readOnly: true });
  const all: Seen[] = [];
  if (opened.exists > 0) {
    const query = { uid: true, flags: true, internalDate: true, source: true };
    for await (const { uid, flags, internalDate, source } of client.fetch("1:*", query)) {
      all.push({
        uid,
        flags: [...(flags ?? [])].filter((flag) => flag !== "\\Recent").sort(),
        date: Math.floor(new Date(internalDate ?? 0).getTime() / 1000),
        content: source?.toString("latin1") ?? "",
      });
    }
  }
  return { validity: Number(opened.uidValidity), next: opened.uidNext, all };
}

const isRoot = process.getuid?.() === 0;

describeWith(["dovecot"], "moving from Dovecot by IMAP", () => {
  let dovecot: Dovecot;
  let client: ImapFlow;
  beforeEach(async () => {
    dovecot = await Dovecot.start();
    client = new ImapFlow({
      host: "127.0.0.1",
      port: dovecot.port,
      secure: false,
      doSTARTTLS: false,
      auth: { user: "ann", pass: "secret" },
      logger: false,
    });
    await client.connect();
  });
  afterEach(async () => {
    await client.logout();
    await dovecot.stop();
  });

  const append = (name: string, subject: string, flags: string[] = [], date = new Date(Date.UTC(2019, 4, 3, 2, 1))) =>
    client.append(name, `Subject: ${subject}\r\n\r\nFrom here on: \xc3\xa4\r\n`, flags, date);
  const move = () =>
    mailbox(
      ...["move", "ann@example.org", "--from", `imap://ann@127.0.0.1:${dovecot.port}`],
      ...["--password-file", "password"],
    );

  it.runIf(isRoot)(
    "keeps folders, UIDs, UIDVALIDITY, flags, keywords, dates and subscriptions; then follows",
    async () => {
      await append("INBOX", "first", ["\\Seen", "$Forwarded"]);
      await append("INBOX", "gone");
      await append("INBOX", "third", ["\\Flagged", "Work"]);
      await append("INBOX", "last but gone");
      await client.mailboxOpen("INBOX");
      await client.messageDelete("2,4", { uid: true });
      for (const name of ["Lists/Entwürfe & mehr", "Sent", "Empty"]) await client.mailboxCreate(name);
      await client.mailboxSubscribe("Sent");
      await append("Lists/Entwürfe & mehr", "deep", ["\\Draft"]);
      await append("Sent", "sent", ["\\Seen", "\\Answered"]);

      const { out, err } = await move();
      expect(out).toMatch(/^ann@example.org: 4 messages .* of \d folders\n$/);
      expect(err).not.toContain("new ones");
      for (const name of ["INBOX", "Lists/Entwürfe & mehr", "Sent", "Empty"]) {
        expect(await seenHere(name)).toEqual(await seenThere(client, name));
      }
      expect((await seenHere("INBOX")).next).toBe(5);
      const listing = await (await ours()).list();
      expect(listing.find(({ name }) => name === "Sent")).toMatchObject({ isSubscribed: true });

      await append("INBOX", "new");
      await client.mailboxOpen("INBOX");
      await client.messageFlagsRemove("1", ["\\Seen"], { uid: true });
      await client.messageDelete("3", { uid: true });
      expect((await move()).out).toMatch(/: 1 messages .*; 1 got other flags; 1 removed/);
      expect(await seenHere("INBOX")).toEqual(await seenThere(client, "INBOX"));
      expect((await move()).out).toMatch(/: 0 messages/);
    },
    120_000,
  );

  it.runIf(isRoot)(
    "goes on after kill -9, and has every message once, with its UID",
    async () => {
      const count = 600;
      for (let index = 0; index < count; index++) await append("INBOX", `m${index}`, index % 3 ? [] : ["\\Seen"]);
      const args = [
        ...["mailbox", "move", "ann@example.org", "--from", `imap://ann@127.0.0.1:${dovecot.port}`],
        ...["--password-file", "password", "--state", "state"],
      ];
      const state = join(site, "state");
      let kills = 0;
      for (let tries = 0; tries < 3; tries++) {
        const before = existsSync(state) ? (await readFile(state, "utf8")).split("\n").length : 0;
        const child = spawn(process.execPath, [...command, ...args], { cwd: site, stdio: "ignore" });
        const ended = once(child, "exit");
        const watch = setInterval(async () => {
          const lines = existsSync(state) ? (await readFile(state, "utf8")).split("\n").length : 0;
          if (lines > before + 1 + tries) child.kill("SIGKILL");
        }, 1);
        const [, signal] = await ended;
        clearInterval(watch);
        if (signal === "SIGKILL") kills++;
      }
      expect(kills).toBeGreaterThan(0);
      await mailbox(...args.slice(1));
      const [here, there] = [await seenHere("INBOX"), await seenThere(client, "INBOX")];
      expect(here.all.map(({ content }) => content).sort()).toEqual(there.all.map(({ content }) => content).sort());
      expect(here.all).toHaveLength(count);
      expect(here.validity).toBe(there.validity);
    },
    300_000,
  );

  it.runIf(isRoot)(
    "says who does not let whom in",
    async () => {
      await writeFile(join(site, "password"), "wrong\n");
      await expect(move()).rejects.toThrow(/127\.0\.0\.1 does not let ann in/);
      await writeFile(join(site, "password"), "secret\n");
      await dovecot.stop();
      await expect(move()).rejects.toThrow(/cannot be used/);
    },
    60_000,
  );
});

describeWith(["mutt", "script"], "mbox files between mutt and postern", () => {
  /** Saves everything of a mailbox into another, as mutt writes it. */
  async function save(from: string, to: string): Promise<void> {
    const config = join(site, "muttrc");
    await writeFile(
      config,
      [
        `set folder="${site}" spoolfile="${from}" header_cache="" mbox_type=mbox confirmcreate=no confirmappend=no copy=no`,
        "set quit=yes delete=yes save_empty=no sleep_time=0 wait_key=no check_new=no resolve=no",
        `push "<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>${to}<enter><quit>"`,
        "",
      ].join("\n"),
    );
    await run("script", ["-qec", `mutt -n -F ${config}`, "/dev/null"], {
      env: { HOME: site, TERM: "xterm", LC_ALL: "C.UTF-8" },
      timeoutMs: 60_000,
    });
  }

  it("come back as they were: quoted lines, flags, dates", async () => {
    const mail = await ours();
    const body = "From the start\r\n>From quoted\r\n\r\nFrom nobody Mon Nov  2 10:03:05 2026\r\nend\r\n";
    const date = Date.UTC(2020, 1, 2, 3, 4, 5);
    const content = (subject: string, rest = "") => [
      Buffer.from(
        `Date: Sun, 02 Feb 2020 03:04:05 +0000\r\nFrom: a@example.org\r\nSubject: ${subject}\r\n\r\n${rest}x\r\n`,
      ),
    ];
    await mail.append("INBOX", [
      { content: content("one", body), flags: ["\\Seen", "\\Flagged"], internalDate: date },
      { content: content("two"), flags: ["\\Answered", "\\Seen"], internalDate: date },
    ]);
    await mailbox("export", "ann@example.org", "--to", "mbox:out");
    await save(join(site, "out/INBOX.mbox"), join(site, "mutt.mbox"));
    expect(await readFile(join(site, "mutt.mbox"), "utf8")).toContain("Subject: two");
    await mailbox("import", "ann@example.org", "mbox:mutt.mbox", "--rename", "mutt=Back");
    const [before, after] = [await seenHere("INBOX"), await seenHere("Back")];
    // mutt adds Content-Length and Lines, which are mbox's own affair.
    const plain = ({ content, flags, date }: Seen) => ({
      content: content.replace(/^Lines: .*\r\n/m, ""),
      flags,
      date,
    });
    expect(after.all.map(plain)).toEqual(before.all.map(plain));
    expect(await readdir(join(site, "out"))).toEqual(["INBOX.mbox"]);
  });
});
