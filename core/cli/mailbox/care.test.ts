/** What `postern mailbox` finds wrong, mends and removes, on real files. */
import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  closeSite,
  mailbox,
  maildir,
  mboxMessage,
  openSite,
  site,
  subjects,
  write,
} from "../../testing/mailbox-commands.ts";

beforeEach(openSite);
afterEach(closeSite);

describe("check and repair", () => {
  beforeEach(async () => {
    await write("in.mbox", mboxMessage("one") + mboxMessage("two") + mboxMessage("three"));
    await mailbox("import", "ann@example.org", "mbox:in.mbox", "--rename", "in=INBOX", "-q");
  });

  it("finds nothing wrong with what is right", async () => {
    expect(await mailbox("check", "--all")).toMatchObject({
      code: 0,
      out: expect.stringContaining("nothing is wrong"),
    });
  });

  it("finds a count that is not what is there, and counts anew", async () => {
    await mailbox("quota", "ann@example.org");
    await rm(maildir("ann@example.org", "new", (await readdir(maildir("ann@example.org", "new")))[0] ?? ""));
    expect((await mailbox("check", "ann@example.org")).out).toMatch(/quota: .* wrong by \d+ octets and 1 messages\n/);
    expect((await mailbox("repair", "ann@example.org")).out).toContain("counted anew");
    expect(await mailbox("check", "ann@example.org")).toMatchObject({ code: 0 });
  });

  it("finds damage, changes nothing; repair mends it, loses no message and says what it did", async () => {
    const list = maildir("ann@example.org", "dovecot-uidlist");
    const lines = (await readFile(list, "utf8")).split("\n");
    const third = lines[3]?.replace(/^3 /, "2 ") ?? "";
    await writeFile(list, [...lines.slice(0, 3), third, "what is this", ""].join("\n"));
    await writeFile(`${list}.lock`, `999999999:${hostname()}`);
    await rm(maildir("ann@example.org", "tmp"), { recursive: true });
    const [name = ""] = await readdir(maildir("ann@example.org", "new"));
    await appendFile(maildir("ann@example.org", "new", name), "longer\r\n");
    const before = await readFile(list, "utf8");

    const checked = await mailbox("check", "ann@example.org", "--json");
    expect(checked.code).toBe(1);
    expect(checked.out).toContain('"kind":"missing-directory"');
    expect(await readFile(list, "utf8")).toBe(before);
    expect((await mailbox("repair", "ann@example.org", "--dry-run")).code).toBe(1);
    expect(await readFile(list, "utf8")).toBe(before);

    const repaired = await mailbox("repair", "ann@example.org");
    for (const kind of ["missing-directory", "stale-lock", "uid-list", "double-uid", "wrong-size"])
      expect(repaired.out).toContain(kind);
    expect(repaired.code).toBe(0);
    expect(await mailbox("check", "ann@example.org")).toMatchObject({ code: 0 });
    expect(await subjects(maildir("ann@example.org"))).toEqual(["one", "three", "two"]);
    expect(await readFile(maildir("ann@example.org", "postern-damaged-dovecot-uidlist"), "utf8")).toBe(before);
  });
});

describe("expire", () => {
  it("removes by the config's rules what is past its time, or only says so", async () => {
    expect(await mailbox("expire", "--all", "--yes")).toMatchObject({
      code: 78,
      err: expect.stringContaining("rules of expiry"),
    });
    const config = await readFile(join(site, "postern.config.yaml"), "utf8");
    await write(
      "postern.config.yaml",
      `${config}  - admin-expiry: { rules: [{ mailbox: "\\\\Trash", after: 30d, by: received, keepFlagged: true }] }\n`,
    );
    const old =
      mboxMessage("old").replace("2026", "2020") +
      mboxMessage("kept", { fields: "X-Status: F\n" }).replace("2026", "2020");
    const recent = mboxMessage("recent").replace(
      "Nov  2 10:03:05 2026",
      new Date()
        .toString()
        .slice(4, 24)
        .replace(/(\d{4}) (.*)/, "$2 $1"),
    );
    await write("Trash", old + recent);
    await write("Other", old);
    for (const name of ["Trash", "Other"]) await mailbox("import", "ann@example.org", `mbox:${name}`, "-q");
    const dry = await mailbox("expire", "--all", "--dry-run");
    expect(dry.out).toMatch(
      /^ann@example.org Trash: 1 messages, \d+B, since 2020-.*\n1 messages, \d+B would be removed\n$/,
    );
    expect(await subjects(maildir("ann@example.org", ".Trash"))).toEqual(["kept", "old", "recent"]);
    expect((await mailbox("expire", "--all")).err).toContain("Say --yes");
    expect((await mailbox("expire", "--all", "--yes")).out).toMatch(/1 messages, \d+B removed\n$/);
    expect(await subjects(maildir("ann@example.org", ".Trash"))).toEqual(["kept", "recent"]);
    expect(await subjects(maildir("ann@example.org", ".Other"))).toEqual(["kept", "old"]);
  });
});
