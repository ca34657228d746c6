import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QuotaRule } from "postern/plugin";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_LAYOUT } from "./folder-name.ts";
import { MailboxTree } from "./mailbox-tree.ts";
import { MaildirSize, parsed } from "./maildirsize.ts";
import { storeWith } from "./testing/store-in.ts";

const hard = { bytes: 1000, messages: 10 };
const rule: QuotaRule = { hard, ignores: (mailbox) => mailbox === "Trash" };

let root = "";
let file = "";
const ledger = (of: QuotaRule = rule) => new MaildirSize(new MailboxTree(root, DEFAULT_LAYOUT), of);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "postern-maildirsize-"));
  file = join(root, "maildirsize");
  for (const folder of ["", ".Trash", ".Sent"]) {
    for (const step of ["cur", "new", "tmp"]) await mkdir(join(root, folder, step), { recursive: true });
  }
  await writeFile(join(root, "new/1.a.host,S=100"), "x");
  await writeFile(join(root, ".Sent/cur/2.b.host:2,S"), "twelve bytes");
  await writeFile(join(root, ".Trash/cur/3.c.host,S=500:2,S"), "x");
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("maildirsize", () => {
  it("is made by counting what counts, by names where they say it", async () => {
    expect(await ledger().read()).toEqual({ bytes: 112, messages: 2 });
    expect(await readFile(file, "latin1")).toBe("1000S,10C\n112 2\n");
  });

  it("is added to, by several at once, and counts nothing anew", async () => {
    await ledger().read();
    await writeFile(join(root, "new/4.d.host,S=300"), "x");
    for (let index = 0; index < 5; index++) ledger().add({ bytes: 10, messages: 1 });
    ledger().add({ bytes: -20, messages: -1 });
    expect(await ledger().read()).toEqual({ bytes: 142, messages: 6 });
    expect(await ledger().recount()).toEqual({ bytes: 412, messages: 3 });
  });

  it("takes a change before it is there for one that the first count sees", async () => {
    ledger().add({ bytes: 10, messages: 1 });
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ["other limits", "2000S\n1 1\n"],
    ["half a line", "1000S,10C\n1 1\n5"],
    ["nonsense", "1000S,10C\nlots\n"],
    ["less than nothing", "1000S,10C\n10 1\n-20 -1\n"],
    ["too much of it", `1000S,10C\n${"1 0\n".repeat(1_300)}`],
    ["nothing", ""],
  ])("is counted anew with %s in it", async (_, text) => {
    await writeFile(file, text);
    expect(await ledger().read()).toEqual({ bytes: 112, messages: 2 });
  });

  it("is read as other programs write it", () => {
    expect(parsed("1000S,10C\n         112            2\n   -12   -1\n", hard)).toEqual({ bytes: 100, messages: 1 });
    expect(parsed("5C\n3 1\n", { bytes: null, messages: 5 })).toEqual({ bytes: 3, messages: 1 });
  });

  it("is not there, and nobody minds, where there is no Maildir", async () => {
    await rm(root, { recursive: true });
    expect(await ledger().read()).toEqual({ bytes: 0, messages: 0 });
  });

  it("is counted once for those who ask at the same time", async () => {
    const one = ledger();
    const [a, b] = [one.recount(), ledger().recount()];
    expect(a).toBe(b);
    expect(await a).toEqual(await b);
  });
});

describe("maildirsize of others, where nothing limits the account here", () => {
  const account = { login: "someone", addresses: [], home: "", quotaBytes: null };

  it("is kept up, and neither made nor asked", async () => {
    const store = storeWith({ path: `${root}/` });
    const mail = await store.of(account);
    await mail.append("INBOX", [{ content: [Buffer.from("Subject: a\n\n")] }]);
    expect(existsSync(file)).toBe(false);
    await writeFile(file, "1S\n500 5\n");
    const { uids } = await mail.append("INBOX", [{ content: [Buffer.from("Subject: b\n\n")] }]);
    const inbox = await mail.open("INBOX");
    await inbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
    await inbox.expunge(uids);
    await inbox.close();
    expect(await readFile(file, "latin1")).toMatch(/^1S\n500 5\n(\d+) 1\n-\1 -1\n$/);
    expect(await mail.quota()).toBeNull();
    store.stop();
  });

  it("goes when it has become too long, so that they count anew", async () => {
    await writeFile(file, `1S\n${"1 1\n".repeat(2_000)}`);
    const store = storeWith({ path: `${root}/` });
    await (await store.of(account)).append("INBOX", [{ content: [Buffer.from("Subject: a\n\n")] }]);
    expect(existsSync(file)).toBe(false);
    store.stop();
  });
});
