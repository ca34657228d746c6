import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keptLog } from "postern/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findings } from "./findings.ts";
import { DEFAULT_LAYOUT, type Layout } from "./folder-name.ts";
import { storeWith } from "./testing/store-in.ts";

let directory = "";
const fs: Layout = { kind: "fs", encoding: "utf-7", mark: "" };
const at = (...parts: readonly string[]): string => join(directory, ...parts);
const mailbox = (...parts: readonly string[]): void => {
  for (const step of ["cur", "new", "tmp"]) mkdirSync(at(...parts, step), { recursive: true });
};
const check = async (options: Partial<Parameters<typeof findings>[0]> = {}): Promise<readonly string[]> => {
  const usual = { path: "{domain}/{user}/", configDir: directory, layout: DEFAULT_LAYOUT, uniqueIds: "%u" };
  return (await findings({ ...usual, ...options }, null)).map(({ text }) => text.replaceAll(`${directory}/`, ""));
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-findings-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("finds nothing wrong with Maildirs as they ought to be", async () => {
  mailbox("example.org/ann");
  mailbox("example.org/ann/.Lists.Node");
  mkdirSync(at("example.org/bob"));
  expect(await check()).toEqual([]);
  mailbox("example.net/ann");
  mailbox("example.net/ann/Lists/Node");
  mailbox("example.net/ann/.hidden");
  expect(await check({ layout: fs, path: "example.net/{user}/" })).toEqual([]);
});

it("names a Maildir that was made with the other layout", async () => {
  mailbox("example.org/ann");
  mailbox("example.org/ann/Lists/Node");
  mailbox("example.net/bob");
  mailbox("example.net/bob/.Sent");
  writeFileSync(at("example.net/bob/.Sent/maildirfolder"), "");
  expect(await check()).toEqual([
    "example.org/ann has folders of the layout fs, like Lists/Node, and layout is maildir++: nobody would see them",
  ]);
  expect(await check({ layout: fs })).toEqual([
    "example.net/bob has folders of the layout maildir++, like .Sent, and layout is fs: nobody would see them",
  ]);
});

it("says so in the log when such an account is used", async () => {
  mailbox("home/Maildir");
  mailbox("home/Maildir/Sent");
  const { log, lines } = keptLog();
  const store = storeWith({ log });
  const mail = await store.of({ login: "someone", addresses: [], home: at("home"), quotaBytes: null });
  for (let times = 0; times < 2; times++) expect((await mail.list()).map(({ name }) => name)).toEqual(["INBOX"]);
  expect(lines.map(({ level, fields }) => [level, fields.kind, fields.example])).toEqual([["warn", "fs", "Sent"]]);
  store.stop();
});

it("names what is no Maildir", async () => {
  mkdirSync(at("example.org/ann/mailboxes"), { recursive: true });
  writeFileSync(at("example.org/bob"), "From a@example.org\n");
  expect(await check()).toEqual([
    "example.org/ann is Dovecot's sdbox; expected a Maildir",
    "example.org/bob is a file (an mbox?); expected a Maildir",
  ]);
});

it.skipIf(process.getuid?.() === 0)("names what this user may not use", async () => {
  mailbox("example.org/ann");
  chmodSync(at("example.org/ann/new"), 0o500);
  expect(await check()).toEqual(["example.org/ann/new cannot be used by this user (EACCES)"]);
  chmodSync(at("example.org/ann/new"), 0o700);
});

it.each([
  [{ path: "/var/mail/" }, "path has neither {user} nor {home}: all accounts would have one mailbox"],
  [{ path: "/var/{name}/{user}/" }, "path has {name}; expected {user}, {domain} or {home}"],
  [{ uniqueIds: "%v" }, 'uniqueIds is "%v": one of %u, %f, %g, %m is needed, or all messages have one id'],
] as const)("says what is wrong with %j", async (options, text) => {
  expect(await check(options)).toEqual([text]);
});
