/** `postern mailbox acl` on real files. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeSite, json, mailbox, maildir, openSite } from "../../testing/mailbox-commands.ts";

beforeEach(openSite);
afterEach(closeSite);

describe("postern mailbox acl", () => {
  it("gives rights, shows them, and takes them away", async () => {
    await mailbox("acl", "set", "ann@example.org", "INBOX", "bob@example.org", "lrs");
    await mailbox("acl", "set", "ann@example.org", "INBOX", "bob@example.org", "+w");
    await mailbox("acl", "set", "ann@example.org", "INBOX", "anyone", "l");
    expect((await mailbox("acl", "list", "ann@example.org")).out).toBe(
      "MAILBOX  WHO                   RIGHTS\nINBOX    user=bob@example.org  lrsw\nINBOX    anyone                l\n",
    );
    await mailbox("acl", "remove", "ann@example.org", "INBOX", "anyone");
    expect(await json("acl", "list", "ann@example.org")).toEqual([
      { owner: "ann@example.org", mailbox: "INBOX", who: "user=bob@example.org", rights: "lrsw" },
    ]);
    expect(await readFile(join(maildir("ann@example.org"), "dovecot-acl"), "utf8")).toBe("user=bob@example.org lrsw\n");
  });

  it("finds what was shared by another server", async () => {
    await mailbox("acl", "set", "ann@example.org", "INBOX", "bob@example.org", "lr");
    expect((await mailbox("acl", "find", "--all")).out).toBe(
      "3 accounts looked at, 1 mailboxes with rights of their own.\n",
    );
  });

  it.each([
    [["set", "ann@example.org", "INBOX", "bob@example.org", "lq"], 64, /no list of rights/],
    [["set", "ann@example.org", "Nowhere", "bob@example.org", "l"], 65, /no such mailbox/],
    [["set", "nobody@example.org", "INBOX", "bob@example.org", "l"], 67, /there is no account/],
    [["list", "Shared/none"], 67, /there is no account/],
    [["find"], 64, /whose\?/],
  ])("answers a slip with one message: %j", async (args, code, message) => {
    const ran = await mailbox("acl", ...args);
    expect(ran).toMatchObject({ code, err: expect.stringMatching(message) });
  });

  it("names file and line of what is damaged", async () => {
    await mailbox("acl", "set", "ann@example.org", "INBOX", "bob@example.org", "lr");
    await writeFile(join(maildir("ann@example.org"), "dovecot-acl"), "user=bob@example.org lr\nuser=cid q\n");
    const ran = await mailbox("acl", "set", "ann@example.org", "INBOX", "dan", "l");
    expect(ran.err).toMatch(/rights of this mailbox are damaged/);
    expect((await mailbox("acl", "list", "ann@example.org")).err).toMatch(/dovecot-acl.*"line":2/);
  });
});
