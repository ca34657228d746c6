/** Flags of many messages: answered first, carried out behind the answer, whatever comes in between. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, FlagChange, Mailbox } from "postern/plugin";
import { dotlock } from "postern/store";
import { type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lettersOf } from "./file-name.ts";
import { parseOrders } from "./flag-journal.ts";
import type { MaildirStore } from "./store.ts";
import { RemoteStore } from "./testing/remote-store.ts";
import { storeWith } from "./testing/store-in.ts";

const COUNT = 150;
const all = Array.from({ length: COUNT }, (_, index) => index + 1);
const flagged: FlagChange = { mode: "add", flags: ["\\Flagged"] };

let home = "";
let index: TemporaryMailboxIndex;
let stores: MaildirStore[] = [];
const maildir = (...parts: readonly string[]): string => join(home, "Maildir", ...parts);
const journal = () => maildir("postern-flags");
const names = (): readonly string[] => readdirSync(maildir("cur"));
const nameOf = (uid: number): string => names().find((name) => name.includes(`Q${uid}.`)) ?? "";
const letters = (): readonly string[] => all.map((uid) => lettersOf(nameOf(uid)));

/** As another process has it. */
async function processOf(): Promise<{ readonly store: MaildirStore; readonly mail: AccountMailboxes }> {
  const store = storeWith({ index: index.open() });
  stores.push(store);
  return { store, mail: await store.of({ login: "someone", addresses: [], home, quotaBytes: null }) };
}

const flagsOf = ({ snapshot }: Mailbox, uid: number): readonly string[] => {
  const entry = snapshot.at(snapshot.indexOf(uid));
  return entry.uid === uid ? [...entry.flags].sort() : ["gone"];
};

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-ahead-"));
  index = await temporaryMailboxIndex();
  for (const step of ["tmp", "new", "cur"]) mkdirSync(maildir(step), { recursive: true });
  for (const uid of all) {
    writeFileSync(
      maildir("cur", `${1_600_000_000 + uid}.M1P1Q${uid}.host:2,${uid % 2 ? "S" : ""}`),
      `Subject: ${uid}\n\n`,
    );
  }
});
afterEach(async () => {
  for (const store of stores) store.stop();
  stores = [];
  await index.remove();
  rmSync(home, { recursive: true, force: true });
});

it("answers when they are written down, shows them at once, and leaves nothing but the names", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  const before = inbox.snapshot.highestModseq;
  await inbox.store(all, flagged);
  expect(parseOrders(readFileSync(journal(), "utf8"))).toMatchObject([{ ...flagged, uids: [[1, COUNT]] }]);
  expect(letters().filter((one) => one.includes("F"))).toHaveLength(1);
  const shown = await inbox.sync();
  expect([flagsOf(inbox, 1), flagsOf(inbox, 2)]).toEqual([["\\Flagged", "\\Seen"], ["\\Flagged"]]);
  expect((await inbox.changesSince(before)).changed).toEqual(all);
  const modseqs = new Set(all.map((uid) => shown.at(shown.indexOf(uid)).modseq));
  expect([...modseqs]).toEqual([shown.highestModseq]);
  await inbox.sync();
  expect(letters()).toEqual(all.map((uid) => (uid % 2 ? "FS" : "F")));
  // Nobody was in between: what was told stays true.
  expect(inbox.snapshot.highestModseq).toBe(shown.highestModseq);
  expect(inbox.snapshot.at(0).modseq).toBe(shown.highestModseq);
  expect(existsSync(journal())).toBe(false);
  expect(existsSync(`${journal()}.lock`)).toBe(false);
  const theirs = await (await processOf()).mail.open("INBOX");
  expect(theirs.snapshot.highestModseq).toBe(shown.highestModseq);
  expect(flagsOf(theirs, 1)).toEqual(["\\Flagged", "\\Seen"]);
});

it("tells the other sessions when it is done", async () => {
  const { mail } = await processOf();
  const [ours, theirs] = [await mail.open("INBOX"), await mail.open("INBOX")];
  const heard = new Promise<void>((resolve) => theirs.onChange(resolve));
  await ours.store(all, flagged);
  await heard;
  await theirs.sync();
  expect(existsSync(journal())).toBe(false);
  expect(flagsOf(theirs, COUNT)).toEqual(["\\Flagged"]);
});

it("keeps what other programs do in between, and tells what became of it", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await inbox.store(all, flagged);
  const [renamed, removed, alike] = [nameOf(100), nameOf(101), nameOf(102)];
  renameSync(maildir("cur", renamed), maildir("cur", `${renamed}R`));
  unlinkSync(maildir("cur", removed));
  renameSync(maildir("cur", alike), maildir("cur", `${alike}F`));
  const shown = await inbox.sync();
  expect([flagsOf(inbox, 100), flagsOf(inbox, 101)]).toEqual([["\\Flagged"], ["\\Flagged", "\\Seen"]]);
  await inbox.sync();
  expect([flagsOf(inbox, 100), flagsOf(inbox, 101), flagsOf(inbox, 102)]).toEqual([
    ["\\Answered", "\\Flagged"],
    ["gone"],
    ["\\Flagged"],
  ]);
  expect(inbox.snapshot.at(99).modseq).toBeGreaterThan(shown.highestModseq);
  expect(inbox.snapshot.size).toBe(COUNT - 1);
  expect(lettersOf(nameOf(100))).toBe("FR");
});

it("is done before another process looks, changes, or removes", async () => {
  const { mail } = await processOf();
  const [inbox, theirs] = [await mail.open("INBOX"), await (await processOf()).mail.open("INBOX")];
  await inbox.store(all, flagged);
  await theirs.store([7], { mode: "remove", flags: ["\\Flagged"] });
  await theirs.sync();
  expect([flagsOf(theirs, 7), flagsOf(theirs, 8)]).toEqual([["\\Seen"], ["\\Flagged"]]);
  await inbox.sync();
  await inbox.sync();
  expect([flagsOf(inbox, 7), flagsOf(inbox, 8)]).toEqual([["\\Seen"], ["\\Flagged"]]);
});

it("is done before the mailbox gets another name", async () => {
  const { mail } = await processOf();
  await mail.create("Here");
  await (await mail.open("INBOX")).copy(all, "Here");
  const here = await mail.open("Here");
  await here.store(all, flagged);
  await mail.rename("Here", "There");
  const there = await (await processOf()).mail.open("There");
  expect(new Set(all.map((uid) => flagsOf(there, uid).includes("\\Flagged")))).toEqual(new Set([true]));
  expect(readdirSync(maildir(".There")).filter((name) => name.startsWith("postern-flags"))).toEqual([]);
});

it("goes with a mailbox that is deleted", async () => {
  const { mail } = await processOf();
  await mail.create("Here");
  await (await mail.open("INBOX")).copy(all, "Here");
  const here = await mail.open("Here");
  await here.store(all, flagged);
  await mail.delete("Here");
  await expect(here.sync().then(() => here.sync())).rejects.toMatchObject({ code: "nonexistent" });
  expect(existsSync(maildir(".Here"))).toBe(false);
});

it("is left by a store that is stopped, and carried out by the next", async () => {
  const { store, mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await inbox.store(all, { mode: "replace", flags: ["\\Flagged", "Work"] });
  store.stop();
  const theirs = await (await processOf()).mail.open("INBOX");
  expect(new Set(letters())).toEqual(new Set(["Fa"]));
  expect(flagsOf(theirs, 1)).toEqual(["Work", "\\Flagged"]);
  expect(existsSync(journal())).toBe(false);
});

it("outlives the process that answered it", { timeout: 240_000 }, async () => {
  const remote = new RemoteStore();
  try {
    await remote.ask({ do: "use", home, options: {} });
    await remote.ask({ do: "flag", box: "INBOX", uids: all, mode: "add", flags: ["\\Flagged", "Work"] });
  } finally {
    await remote.stop();
  }
  const inbox = await (await processOf()).mail.open("INBOX");
  expect(letters()).toEqual(all.map((uid) => (uid % 2 ? "FSa" : "Fa")));
  expect(flagsOf(inbox, 2)).toEqual(["Work", "\\Flagged"]);
  expect(existsSync(journal())).toBe(false);
});

/** As a process leaves it that is killed when some files have their new names. */
async function leave(mail: AccountMailboxes, order: (mailboxId: string, uidValidity: number) => string): Promise<void> {
  const { mailboxId, uidValidity } = await mail.status("INBOX");
  renameSync(maildir("cur", nameOf(1)), maildir("cur", `${nameOf(1).replace(/:2,.*/, "")}:2,FS`));
  writeFileSync(journal(), order(mailboxId, uidValidity));
  writeFileSync(`${journal()}.lock`, `999999999:${hostname()}`);
}
const orderOf = (uids: string) => (mailboxId: string, uidValidity: number) =>
  `postern-flags 1\n${uidValidity} ${mailboxId}\nadd\n\\Flagged Work\n${uids}\nend\n`;

it("is carried out by whoever has the mailbox open, and told to its sessions", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await leave(mail, orderOf("1:3,7,4000000000:4294967295"));
  await inbox.sync();
  expect([1, 2, 3, 4, 7].map((uid) => flagsOf(inbox, uid))).toEqual([
    ["Work", "\\Flagged", "\\Seen"],
    ["Work", "\\Flagged"],
    ["Work", "\\Flagged", "\\Seen"],
    [],
    ["Work", "\\Flagged", "\\Seen"],
  ]);
  expect(readdirSync(maildir()).filter((name) => name.startsWith("postern-flags"))).toEqual([]);
});

it("is no order for another mailbox, and none that was cut off", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  for (const order of [
    () => orderOf("2:3")("feedfeedfeedfeedfeedfeedfeedfeed", 1),
    (mailboxId: string, uidValidity: number) => orderOf("2:3")(mailboxId, uidValidity).replace("end\n", ""),
    (mailboxId: string, uidValidity: number) => orderOf("2:x")(mailboxId, uidValidity),
    (mailboxId: string, uidValidity: number) => orderOf("2")(mailboxId, uidValidity).replace("\\Flagged", "\\Nonsense"),
  ]) {
    await leave(mail, order);
    await inbox.sync();
    expect([flagsOf(inbox, 1), flagsOf(inbox, 2)]).toEqual([["\\Flagged", "\\Seen"], []]);
    expect(existsSync(journal())).toBe(false);
  }
});

it("is named by an inspection, and carried out by a repair", async () => {
  const { mail } = await processOf();
  await mail.status("INBOX");
  await leave(mail, orderOf("1:20"));
  const found = await mail.inspect("INBOX", { repair: false });
  expect(found.map(({ kind, done }) => [kind, done])).toEqual([
    ["stale-lock", null],
    ["half-written", null],
  ]);
  expect(existsSync(journal())).toBe(true);
  const mended = await mail.inspect("INBOX", { repair: true });
  expect(mended.map(({ done }) => done)).toEqual(["removed postern-flags.lock", "changed the flags"]);
  expect(letters().slice(0, 3)).toEqual(["FSa", "Fa", "FSa"]);
});

it("is done before the answer where it cannot be written down", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  const lock = await dotlock(`${journal()}.lock`, { waitMs: 0, staleMs: 1_000 });
  await inbox.store(all, flagged);
  expect(new Set(letters())).toEqual(new Set(["FS", "F"]));
  lock?.release();
  mkdirSync(journal());
  await inbox.store(all, { mode: "remove", flags: ["\\Flagged"] });
  expect(new Set(letters())).toEqual(new Set(["S", ""]));
  await inbox.sync();
  expect(flagsOf(inbox, 1)).toEqual(["\\Seen"]);
});

it("is refused where a name has no room for one letter more", async () => {
  writeFileSync(maildir("cur", `1600009999.M1P1Q9999.${"x".repeat(231)}:2,`), "Subject: long\n\n");
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  expect(inbox.snapshot.size).toBe(COUNT + 1);
  await expect(inbox.store([...all, COUNT + 1], flagged)).rejects.toMatchObject({ code: "cannot" });
  expect(existsSync(journal())).toBe(false);
});

it("is taken back where the disk fails after the answer, and done when it can be", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await inbox.store(all, flagged);
  const blocked = maildir("cur", `${nameOf(100)}F`);
  mkdirSync(blocked);
  const shown = await inbox.sync();
  expect(flagsOf(inbox, 100)).toEqual(["\\Flagged"]);
  while (existsSync(`${journal()}.lock`)) await new Promise((resolve) => setImmediate(resolve));
  rmdirSync(blocked);
  expect(existsSync(journal())).toBe(true);
  await inbox.sync();
  expect([99, 100, 101].map((uid) => flagsOf(inbox, uid))).toEqual([["\\Flagged", "\\Seen"], [], ["\\Seen"]]);
  expect(inbox.snapshot.at(99).modseq).toBeGreaterThan(shown.highestModseq);
  const theirs = await (await processOf()).mail.open("INBOX");
  expect([99, 100, 101].map((uid) => flagsOf(theirs, uid).includes("\\Flagged"))).toEqual([true, true, true]);
  expect(existsSync(journal())).toBe(false);
  await inbox.sync();
  expect([flagsOf(inbox, 100), flagsOf(inbox, COUNT)]).toEqual([["\\Flagged"], ["\\Flagged"]]);
});

it("is not written down for a few", async () => {
  const { mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await inbox.store(all.slice(0, 20), flagged);
  expect(
    letters()
      .slice(0, 20)
      .every((one) => one.startsWith("F")),
  ).toBe(true);
  expect(existsSync(journal())).toBe(false);
});
