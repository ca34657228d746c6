/** `postern mailbox` on real files; also killed in the middle. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  closeSite,
  command,
  json,
  mailbox,
  maildir,
  mboxMessage,
  messagesIn,
  openSite,
  site,
  subjects,
  write,
} from "../../testing/mailbox-commands.ts";

beforeEach(openSite);
afterEach(closeSite);

describe("postern mailbox", () => {
  it("lists mailboxes as a table, as names, as JSON", async () => {
    await write("in.mbox", mboxMessage("one", { fields: "Status: RO\n" }) + mboxMessage("two"));
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--into", "INBOX", "-q");
    const { out } = await mailbox("list", "ann@example.org");
    expect(out).toMatch(/^MAILBOX +MESSAGES +UNSEEN +SIZE +USE +SUBSCRIBED\nINBOX +0 +0/);
    expect(out).toMatch(/^INBOX\/in +2 +1 +\d+B$/m);
    expect((await mailbox("list", "--all", "-q")).out).toContain("bob@example.org\tINBOX\n");
    expect(await json("list", "ann@example.org", "--folder", "INBOX/*")).toMatchObject([
      { login: "ann@example.org", name: "INBOX/in", messages: 2, unseen: 1 },
    ]);
    expect((await mailbox("list", "--domain", "example.net", "-q")).out).toBe("INBOX\n");
  });

  it.each([
    [["list"], 64, /whose\?/],
    [["list", "ann@example.org", "--all"], 64, /not both/],
    [["list", "nobody@example.org"], 67, /there is no account "nobody@example.org"/],
    [["list", "--domain", "elsewhere.example"], 67, /has no accounts/],
    [["info", "ann@example.org", "--folder", "Nowhere"], 65, /there is no mailbox Nowhere/],
    [["import", "ann@example.org", "in.mbox"], 64, /is no place/],
    [["import", "ann@example.org", "mbox:none"], 65, /cannot be read/],
    [["import", "ann@example.org", "elm:in"], 64, /elm: cannot be opened/],
    [["import", "ann@example.org", "imap://ann:secret@localhost"], 64, /--password-file/],
    [["import", "ann@example.org", "imap://ann@localhost"], 64, /the password of ann\?/],
    [["export", "--all", "--to", "mbox:out"], 64, /a place each/],
    [["move", "--all", "--from", "maildir:old/{user}"], 64, /Say --yes/],
    [["repair", "--all"], 64, /Repair the mailboxes of 3 accounts\? Say --yes/],
  ])("answers a slip with one message: %j", async (args, code, message) => {
    const ran = await mailbox(...args);
    expect(ran).toMatchObject({ code, err: expect.stringMatching(message) });
    expect(ran.err).toMatch(/^postern: /);
  });

  it("says how much is kept, and counts anew", async () => {
    await write("in.mbox", mboxMessage("one"));
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "-q");
    const [state] = await json("quota", "ann@example.org");
    expect(state).toMatchObject({ usage: { messages: 1 }, hard: { bytes: 1024 * 1024, messages: 5000 } });
    await rm(maildir("ann@example.org", "new", (await readdir(maildir("ann@example.org", "new")))[0] ?? ""));
    expect((await mailbox("quota", "ann@example.org", "--recalculate")).out).toMatch(
      /0B of 1\.0MiB \(0 %\), 0 of 5000/,
    );
    expect((await mailbox("quota", "bob@example.org")).out).toBe("bob@example.org\tno limit\n");
    expect((await mailbox("quota", "--all", "--over")).out).toBe("");
    expect((await mailbox("info", "ann@example.org")).out).toMatch(/UIDVALIDITY: +\d+/);
  });
});

describe("import", () => {
  it("reads mbox: From_ lines, quoting, flags, dates, and what other programs put there", async () => {
    await write(
      "in.mbox",
      mboxMessage("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", { fields: "X-IMAP: 1 2\nStatus: RO\n" }) +
        mboxMessage("quoted", {
          body: ">From here\n>>From there\n\n> From the start of a sentence\n",
          fields: "Status: RO\nX-Status: AF\nX-Keywords: Work $Junk\nContent-Length: 3\n",
        }) +
        mboxMessage("last without an end").trimEnd(),
    );
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX");
    expect(await subjects(maildir("ann@example.org"))).toEqual(["last without an end", "quoted"]);
    const found = await messagesIn(maildir("ann@example.org"));
    const quoted = found.find(({ content }) => content.includes("quoted"));
    expect(quoted?.content).toBe(
      "Subject: quoted\r\n\r\nFrom here\r\n>From there\r\n\r\n> From the start of a sentence\r\n",
    );
    expect(quoted?.name).toMatch(/:2,FRSab$/);
    expect(await readFile(maildir("ann@example.org", "dovecot-keywords"), "utf8")).toBe("0 Work\n1 $Junk\n");
  });

  it("brings what is new when it is run again, and twice the same where it was twice", async () => {
    const path = await write("in.mbox", mboxMessage("same") + mboxMessage("same") + mboxMessage("other"));
    const args = ["import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX"] as const;
    expect((await mailbox(...args)).out).toMatch(/^ann@example.org: 3 messages .* of 1 folders\n$/);
    expect((await mailbox(...args)).out).toMatch(/: 0 messages .*; 3 were there already\n$/);
    await appendFile(path, mboxMessage("new"));
    expect((await mailbox(...args)).out).toMatch(/: 1 messages .*; 3 were there already\n$/);
    expect(await subjects(maildir("ann@example.org"))).toEqual(["new", "other", "same", "same"]);
    expect((await mailbox(...args, "--restart")).out).toMatch(/: 4 messages/);
  });

  it("says what it would do", async () => {
    await write("in.mbox", mboxMessage("one"));
    const { out } = await mailbox("import", "ann@example.org", "mbox:in.mbox", "--dry-run", "--into", "Old");
    expect(out).toMatch(/^in -> Old\/in: 1 messages, \d+B\n$/);
    expect((await mailbox("list", "ann@example.org", "-q")).out).toBe("INBOX\n");
  });

  it("stops where the account is full, says so, and goes on when it is not any more", async () => {
    const large = mboxMessage("large", { body: `${"x".repeat(70)}\n`.repeat(9_000) });
    await write("in.mbox", mboxMessage("small") + large + large.replace("large", "larger"));
    const args = ["import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX"] as const;
    expect(await mailbox(...args)).toMatchObject({ code: 73, err: expect.stringContaining("the account is full") });
    expect(await mailbox(...args, "--beyond-quota")).toMatchObject({ code: 0 });
    expect(await subjects(maildir("ann@example.org"))).toEqual(["large", "larger", "small"]);
    expect((await mailbox("quota", "--all", "--over")).out).toMatch(/^ann@example.org\t.*: full\n$/);
  });

  it("gives folders that the store cannot have another name", async () => {
    await mkdir(join(site, "mail/v1.2.sbd"), { recursive: true });
    await write("mail/v1.2", mboxMessage("one"));
    await write("mail/v1.2.sbd/a\u001b[2Jb", mboxMessage("two"));
    await write("mail/v1.2.msf", "// index");
    const { out, err } = await mailbox("import", "ann@example.org", "mbox:mail");
    expect(out).toMatch(/: 2 messages .* of 2 folders/);
    expect(err).toContain("v1.2 is called v1_2 here");
    expect(err).not.toContain("\u001b");
    expect(await subjects(maildir("ann@example.org", ".v1_2"))).toEqual(["one"]);
  });

  it("goes on beside deliveries into the same mailbox, and neither loses any", async () => {
    await write("in.mbox", Array.from({ length: 300 }, (_, index) => mboxMessage(`import${index}`)).join(""));
    const importing = mailbox("import", "bob@example.org", "mbox:in.mbox", "--rename", "in=INBOX");
    await mailbox("list", "bob@example.org", "-q");
    const deliveries = 50;
    for (let index = 0; index < deliveries; index++) {
      const name = `${1_700_000_000 + index}.M1P1Q${index}.other`;
      await writeFile(maildir("bob@example.org", "tmp", name), `Subject: delivered${index}\r\n\r\nx\r\n`);
      await rename(maildir("bob@example.org", "tmp", name), maildir("bob@example.org", "new", name));
    }
    expect(await importing).toMatchObject({ code: 0 });
    expect((await json("list", "bob@example.org", "--folder", "INBOX"))[0]).toMatchObject({ messages: 350 });
    expect(new Set(await subjects(maildir("bob@example.org"))).size).toBe(350);
    const uids = (await readFile(maildir("bob@example.org", "dovecot-uidlist"), "utf8")).match(/^\d+ :/gm) ?? [];
    expect(new Set(uids).size).toBe(350);
  });

  const COUNT = 1_200;

  it("goes on after kill -9 at any point, and has every message once", async () => {
    const bodies = Array.from({ length: COUNT }, (_, index) =>
      mboxMessage(`m${index % (COUNT - 5)}`, { body: `${"line\n".repeat(index % 40)}` }),
    );
    await write("in.mbox", bodies.join(""));
    const args = ["mailbox", "import", "bob@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "--state", "state"];
    const state = join(site, "state");
    let kills = 0;
    for (let tries = 0; tries < 6; tries++) {
      const before = existsSync(state) ? (await readFile(state, "utf8")).length : 0;
      const child = spawn(process.execPath, [...command, ...args], { cwd: site, stdio: "ignore" });
      const ended = once(child, "exit");
      // At another moment each time: as soon as the state has grown by so much.
      const watch = setInterval(async () => {
        const grown = existsSync(state) && (await readFile(state, "utf8")).length > before + 3_000 * (tries + 1);
        if (grown) child.kill("SIGKILL");
      }, 1);
      const [code, signal] = await ended;
      clearInterval(watch);
      if (signal === "SIGKILL") kills++;
      else {
        expect(code).toBe(0);
        break;
      }
    }
    expect(kills).toBeGreaterThan(0);
    expect(await mailbox(...args.slice(1))).toMatchObject({ code: 0 });
    const expected = bodies.map((_, index) => `m${index % (COUNT - 5)}`).sort();
    expect(await subjects(maildir("bob@example.org"))).toEqual(expected);
  }, 300_000);
});

describe("export", () => {
  beforeEach(async () => {
    const body = "From the start\n>From quoted\nÄ\n";
    await write("in.mbox", mboxMessage("one", { body, fields: "Status: RO\nX-Keywords: Work\n" }) + mboxMessage("two"));
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "-q");
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--into", "Lists", "--state", "other", "-q");
  });

  it.each(["mbox:out", "maildir:out"])("to %s, and back, is what it was; again, it adds nothing", async (place) => {
    expect((await mailbox("export", "ann@example.org", "--to", place)).out).toMatch(/: 4 messages .* of 3 folders/);
    expect((await mailbox("export", "ann@example.org", "--to", place)).out).toMatch(/: 0 messages/);
    await mailbox("import", "bob@example.org", place);
    for (const folder of ["", ".Lists.in"]) {
      const [ours, theirs] = [
        await messagesIn(maildir("ann@example.org", folder)),
        await messagesIn(maildir("bob@example.org", folder)),
      ];
      expect(theirs.map(({ content }) => content)).toEqual(ours.map(({ content }) => content));
      expect(theirs.map(({ name }) => name.split(":")[1])).toEqual(ours.map(({ name }) => name.split(":")[1]));
    }
  });

  it("of all accounts, each into its own place", async () => {
    await mailbox("export", "--all", "--to", "mbox:out/{login}", "--folder", "INBOX");
    expect((await readdir(join(site, "out"))).sort()).toEqual([
      "ann@example.org",
      "bob@example.org",
      "eve@example.net",
    ]);
    expect(await readFile(join(site, "out/ann@example.org/INBOX.mbox"), "latin1")).toMatch(
      /^From MAILER-DAEMON Mon Nov {2}2 10:03:05 2026\nSubject: one\nStatus: RO\nX-Keywords: Work\n\n/,
    );
  });
});

describe("move", () => {
  it("keeps UIDs and UIDVALIDITY, and follows what changes there", async () => {
    await write("in.mbox", Array.from({ length: 5 }, (_, index) => mboxMessage(`m${index}`)).join(""));
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "-q");
    await rename(maildir("ann@example.org"), join(site, "old"));
    const inOld = async (pattern: RegExp) => {
      for (const where of ["new", "cur"]) {
        for (const name of await readdir(join(site, "old", where))) {
          const path = join(site, "old", where, name);
          if (pattern.test(await readFile(path, "latin1"))) return path;
        }
      }
      throw new Error(`no ${pattern}`);
    };
    await rm(await inOld(/m1/));
    const args = ["move", "ann@example.org", "--from", "maildir:old"] as const;
    expect((await mailbox(...args)).out).toMatch(/: 4 messages/);
    const [list, theirs] = [
      await readFile(maildir("ann@example.org", "dovecot-uidlist"), "utf8"),
      await readFile(join(site, "old/dovecot-uidlist"), "utf8"),
    ];
    const head = (text: string) => /^3 V\d+ N\d+/.exec(text)?.[0];
    expect(head(list)).toBe(head(theirs));
    expect(list.match(/^\d+ /gm)).toEqual(["3 ", "1 ", "3 ", "4 ", "5 "]);

    await rm(await inOld(/m2/));
    const seen = await inOld(/m3/);
    await rename(seen, join(site, "old/cur", `${seen.split("/").at(-1)?.split(":")[0]}:2,S`));
    expect((await mailbox(...args)).out).toMatch(/: 0 messages .*; 3 were there already; 1 got other flags; 1 removed/);
    expect(await subjects(maildir("ann@example.org"))).toEqual(["m0", "m3", "m4"]);
    const found = await messagesIn(maildir("ann@example.org"));
    expect(found.find(({ content }) => content.includes("m3"))?.name).toMatch(/:2,S$/);
  });

  it("gives new UIDs where the mailbox has mail already, and says so", async () => {
    await write("in.mbox", mboxMessage("one"));
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "-q");
    await mailbox("import", "bob@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "-q");
    await rename(maildir("ann@example.org"), join(site, "old"));
    const { out, err } = await mailbox("move", "bob@example.org", "--from", "maildir:old");
    expect(out).toMatch(/: 1 messages/);
    expect(err).toContain("INBOX is not empty or cannot keep UIDs");
    expect(await subjects(maildir("bob@example.org"))).toEqual(["one", "one"]);
  });
});
