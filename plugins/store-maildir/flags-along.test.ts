/** Further changes of flags while one is carried out: written down behind it, answered, and carried out with it. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { AccountMailboxes, FlagChange, Mailbox } from "postern/plugin";
import { type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lettersOf } from "./file-name.ts";
import { parseOrders } from "./flag-journal.ts";
import type { MaildirStore } from "./store.ts";
import { RemoteStore } from "./testing/remote-store.ts";
import { storeWith } from "./testing/store-in.ts";

const COUNT = 100;
const uids = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => first + at);
const all = uids(1, COUNT);
const add = (...flags: readonly string[]): FlagChange => ({ mode: "add", flags });
const remove = (...flags: readonly string[]): FlagChange => ({ mode: "remove", flags });
const replace = (...flags: readonly string[]): FlagChange => ({ mode: "replace", flags });

let home = "";
let index: TemporaryMailboxIndex;
let stores: MaildirStore[] = [];
const maildir = (...parts: readonly string[]): string => join(home, "Maildir", ...parts);
const journal = () => maildir("postern-flags");
const left = () => readdirSync(maildir()).filter((name) => name.startsWith("postern-flags"));
const nameOf = (uid: number): string => readdirSync(maildir("cur")).find((name) => name.includes(`Q${uid}.`)) ?? "";
function letters(): readonly string[] {
  const names = readdirSync(maildir("cur"));
  return all.map((uid) => lettersOf(names.find((name) => name.includes(`Q${uid}.`)) ?? ":2,gone"));
}

async function processOf(): Promise<{ readonly store: MaildirStore; readonly mail: AccountMailboxes }> {
  const store = storeWith({ index: index.open() });
  stores.push(store);
  return { store, mail: await store.of({ login: "someone", addresses: [], home, quotaBytes: null }) };
}
const inboxOf = async (): Promise<Mailbox> => (await processOf()).mail.open("INBOX");

const entryOf = ({ snapshot }: Mailbox, uid: number) => snapshot.at(snapshot.indexOf(uid));
const flagsOf = (box: Mailbox, uid: number): string => [...entryOf(box, uid).flags].sort().join(" ");

function fill(): void {
  rmSync(home, { recursive: true, force: true });
  for (const step of ["tmp", "new", "cur"]) mkdirSync(maildir(step), { recursive: true });
  for (const uid of all) {
    const name = `${1_600_000_000 + uid}.M1P1Q${uid}.host:2,${uid % 2 ? "S" : ""}`;
    writeFileSync(maildir("cur", name), `Subject: ${uid}\n\n`);
  }
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-along-"));
  index = await temporaryMailboxIndex();
  fill();
});
afterEach(async () => {
  for (const store of stores) store.stop();
  stores = [];
  await index.remove();
  rmSync(home, { recursive: true, force: true });
});

it("is answered on what the session was told, written down behind it, and each file gets its last name only", async () => {
  const inbox = await inboxOf();
  const changed = () => statSync(maildir("cur", nameOf(50)), { bigint: true }).ctimeNs;
  const before = changed();
  await inbox.store(all, add("\\Flagged"));
  await inbox.sync();
  await inbox.store(all, remove("\\Flagged"));
  expect(parseOrders(readFileSync(journal(), "utf8")).map(({ mode, uids: [range] }) => [mode, range])).toEqual([
    ["add", [1, COUNT]],
    ["remove", [1, COUNT]],
  ]);
  await inbox.sync();
  expect([flagsOf(inbox, 1), flagsOf(inbox, 2)]).toEqual(["\\Seen", ""]);
  expect(inbox.snapshot.highestModseq).toBe(entryOf(inbox, 2).modseq);
  const told = entryOf(inbox, COUNT).modseq;
  await inbox.sync();
  expect(letters()).toEqual(all.map((uid) => (uid % 2 ? "S" : "")));
  expect(changed()).toBe(before);
  expect(left()).toEqual([]);
  // Nobody was in between: what was told stays true, for other processes as well.
  for (const box of [inbox, await inboxOf()]) {
    expect([entryOf(box, COUNT).modseq, box.snapshot.highestModseq]).toEqual([told, told]);
  }
});

it("may be about other messages, and about a few", async () => {
  const inbox = await inboxOf();
  await inbox.store(uids(1, 80), add("\\Flagged"));
  await inbox.store([3, 90], add("\\Answered"));
  await inbox.store([4], replace("\\Draft"));
  expect(parseOrders(readFileSync(journal(), "utf8"))).toHaveLength(3);
  await inbox.sync();
  const shown = [1, 3, 4, 90, 91].map((uid) => flagsOf(inbox, uid));
  expect(shown).toEqual(["\\Flagged \\Seen", "\\Answered \\Flagged \\Seen", "\\Draft", "\\Answered", "\\Seen"]);
  const { highestModseq } = inbox.snapshot;
  await inbox.sync();
  expect([1, 3, 4, 90, 91].map((uid) => letters()[uid - 1])).toEqual(["FS", "FRS", "D", "R", "S"]);
  expect([1, 3, 4, 90, 91].map((uid) => flagsOf(inbox, uid))).toEqual(shown);
  // Whoever knows the mailbox up to the first answer hears of everything behind it.
  expect(entryOf(inbox, 1).modseq).toBeLessThanOrEqual(highestModseq);
  const theirs = await inboxOf();
  for (const uid of [1, 3, 4, 90]) expect(entryOf(theirs, uid).modseq).toBe(entryOf(inbox, uid).modseq);
});

it("changes nothing where nothing becomes different", async () => {
  const inbox = await inboxOf();
  await inbox.store(all, add("\\Flagged"));
  const { highestModseq } = await inbox.sync();
  await inbox.store(all, add("\\Flagged"));
  expect(parseOrders(readFileSync(journal(), "utf8"))).toHaveLength(1);
  expect((await inbox.sync()).highestModseq).toBe(highestModseq);
});

it("goes on without a bound on how many come, in their order", async () => {
  const inbox = await inboxOf();
  let most = 0;
  for (let turn = 0; turn < 50; turn++) {
    await inbox.store(all, turn % 2 ? remove("\\Flagged") : add("\\Flagged"));
    await inbox.store([turn + 1], add("\\Draft"));
    if (existsSync(journal())) most = Math.max(most, parseOrders(readFileSync(journal(), "utf8")).length);
    await inbox.sync();
    expect(flagsOf(inbox, COUNT)).toBe(turn % 2 ? "" : "\\Flagged");
  }
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(16);
  await inbox.sync();
  await inbox.sync();
  expect(letters()).toEqual(all.map((uid) => (uid <= 50 ? "D" : "") + (uid % 2 ? "S" : "")));
});

it("waits for its turn where others must be heard first", async () => {
  const { mail } = await processOf();
  const [ours, theirs] = [await mail.open("INBOX"), await mail.open("INBOX")];
  const { highestModseq } = ours.snapshot;
  await ours.store(all, add("\\Flagged"));
  // Another session, a condition, a keyword that has no letter yet.
  await theirs.store([1], remove("\\Flagged"));
  expect(left()).toEqual([]);
  await ours.store(all, add("\\Draft"));
  const { unchanged } = await ours.store([1, 2], { ...add("\\Answered"), unchangedSince: highestModseq });
  expect([unchanged, left()]).toEqual([[1, 2], []]);
  await ours.store(all, add("\\Answered"));
  await ours.store(all, add("Work"));
  expect(parseOrders(readFileSync(journal(), "utf8"))).toHaveLength(1);
  await ours.store(all, remove("Work", "\\Draft"));
  await theirs.sync();
  expect(letters().slice(0, 3)).toEqual(["RS", "FR", "FRS"]);
  for (const box of [ours, theirs]) {
    await box.sync();
    expect([flagsOf(box, 1), flagsOf(box, 2)]).toEqual(["\\Answered \\Seen", "\\Answered \\Flagged"]);
  }
});

it("does not go along once somebody waits", async () => {
  const { mail } = await processOf();
  const [ours, theirs] = [await mail.open("INBOX"), await mail.open("INBOX")];
  await ours.store(all, add("\\Flagged"));
  const order: string[] = [];
  const looked = theirs.sync().then(() => order.push(flagsOf(theirs, 2)));
  await ours.store(all, remove("\\Flagged")).then(() => order.push("second"));
  await looked;
  expect(order).toEqual(["\\Flagged", "second"]);
});

it("keeps what other programs do in between, and tells what became of it", async () => {
  const inbox = await inboxOf();
  await inbox.store(all, add("\\Flagged"));
  const [renamed, removed, alike] = [nameOf(90), nameOf(91), nameOf(92)];
  renameSync(maildir("cur", renamed), maildir("cur", `${renamed}R`));
  unlinkSync(maildir("cur", removed));
  renameSync(maildir("cur", alike), maildir("cur", `${alike}D`));
  await inbox.store(all, add("\\Draft"));
  const told = await inbox.sync();
  await inbox.sync();
  await inbox.sync();
  expect([90, 92, 93].map((uid) => flagsOf(inbox, uid))).toEqual([
    "\\Answered \\Draft \\Flagged",
    "\\Draft \\Flagged",
    "\\Draft \\Flagged \\Seen",
  ]);
  expect(inbox.snapshot.size).toBe(COUNT - 1);
  expect(entryOf(inbox, 90).modseq).toBeGreaterThan(told.highestModseq);
  expect(lettersOf(nameOf(90))).toBe("DFR");
});

it("waits where it cannot be written down", async () => {
  const inbox = await inboxOf();
  await inbox.store(all, add("\\Flagged"));
  unlinkSync(journal());
  await inbox.store(all, add("\\Draft"));
  // The first is carried out, the second is an order of its own.
  expect(letters()[COUNT - 1]).toBe("F");
  expect(parseOrders(readFileSync(journal(), "utf8")).map(({ flags }) => flags)).toEqual([["\\Draft"]]);
  await inbox.sync();
  await inbox.sync();
  expect(letters()[COUNT - 1]).toBe("DF");
});

it("is told that the mailbox is gone", async () => {
  const { mail } = await processOf();
  await mail.create("Here");
  await (await mail.open("INBOX")).copy(all, "Here");
  const here = await mail.open("Here");
  await here.store(all, add("\\Flagged"));
  rmSync(maildir(".Here"), { recursive: true });
  await expect(here.store(all, add("\\Draft"))).rejects.toMatchObject({ code: "nonexistent" });
});

it("is told as the disk has it where that fails after the answer, and done when it can be", async () => {
  const { store, mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await inbox.store(all, add("\\Flagged"));
  const blocked = maildir("cur", `${nameOf(90)}DF`);
  mkdirSync(blocked);
  await inbox.store(all, add("\\Draft"));
  await inbox.sync();
  expect(flagsOf(inbox, 90)).toBe("\\Draft \\Flagged");
  while (existsSync(`${journal()}.lock`)) await new Promise((resolve) => setImmediate(resolve));
  rmSync(blocked, { recursive: true });
  await inbox.sync();
  expect([89, 90].map((uid) => flagsOf(inbox, uid))).toEqual(["\\Draft \\Flagged \\Seen", ""]);
  expect(parseOrders(readFileSync(journal(), "utf8"))).toHaveLength(2);
  store.stop();
  const theirs = await inboxOf();
  expect([89, 90].map((uid) => flagsOf(theirs, uid))).toEqual(["\\Draft \\Flagged \\Seen", "\\Draft \\Flagged"]);
  expect(left()).toEqual([]);
});

it("outlives the process that answered it", { timeout: 240_000 }, async () => {
  const remote = new RemoteStore();
  const flag = (mode: FlagChange["mode"], of: readonly number[], ...flags: readonly string[]) =>
    remote.ask({ do: "flag", box: "INBOX", uids: of, mode, flags });
  try {
    await remote.ask({ do: "use", home, options: {} });
    await flag("add", all, "\\Flagged", "Work");
    await flag("remove", uids(11, 100), "\\Flagged");
    await flag("replace", uids(21, 100), "\\Answered");
    await flag("add", [30], "\\Flagged");
  } finally {
    await remote.stop();
  }
  const inbox = await inboxOf();
  const wanted = (uid: number) => (uid === 30 ? "FR" : uid > 20 ? "R" : `${uid > 10 ? "" : "F"}${uid % 2 ? "S" : ""}a`);
  expect(letters()).toEqual(all.map(wanted));
  expect([flagsOf(inbox, 2), flagsOf(inbox, 12), flagsOf(inbox, 100)]).toEqual([
    "Work \\Flagged",
    "Work",
    "\\Answered",
  ]);
  expect(left()).toEqual([]);
});

it("is nobody's where it was cut off, and what stands before it is carried out", async () => {
  const { store, mail } = await processOf();
  const inbox = await mail.open("INBOX");
  await inbox.store(all, add("\\Flagged"));
  await inbox.store(all, add("end"));
  // That keyword needed a letter, so it was an order of its own.
  await inbox.store(all, replace("end", "\\Draft"));
  const { size } = statSync(journal());
  expect(parseOrders(readFileSync(journal(), "utf8"))).toHaveLength(2);
  store.stop();
  truncateSync(journal(), size - 1);
  const theirs = await inboxOf();
  expect([flagsOf(theirs, 1), flagsOf(theirs, 2)]).toEqual(["\\Flagged \\Seen end", "\\Flagged end"]);
  expect(left()).toEqual([]);
});

/** System flags only: a keyword's first use waits for its turn. */
const flagNames = ["\\Flagged", "\\Answered", "\\Draft", "\\Deleted", "\\Seen"] as const;
const change = fc.record({
  mode: fc.constantFrom("add", "remove", "replace"),
  flags: fc.uniqueArray(fc.constantFrom(...flagNames), { maxLength: 3 }),
  first: fc.integer({ min: 1, max: COUNT }),
  count: fc.integer({ min: 1, max: COUNT }),
  /** What follows: nothing, an answer, a wait until all is done. */
  next: fc.constantFrom("store", "show", "settle"),
});

it("comes out as its orders say, whenever the process stops, and is never another to whom it was told", {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), fc.boolean(), async (changes, isStopped) => {
      fill();
      const model = new Map(all.map((uid) => [uid, new Set<string>(uid % 2 ? ["\\Seen"] : [])]));
      const wanted = () => all.map((uid) => [...(model.get(uid) ?? [])].sort().join(" "));
      const { store, mail } = await processOf();
      const inbox = await mail.open("INBOX");
      for (const { mode, flags, first, count, next } of changes) {
        const meant = uids(first, Math.min(COUNT, first + count - 1));
        await inbox.store(meant, { mode, flags });
        for (const uid of meant) {
          const own = model.get(uid);
          if (mode === "replace") own?.clear();
          for (const flag of flags) mode === "remove" ? own?.delete(flag) : own?.add(flag);
        }
        if (next !== "store") await inbox.sync();
        if (next === "settle") await inbox.sync();
        if (next !== "store") expect(all.map((uid) => flagsOf(inbox, uid))).toEqual(wanted());
      }
      if (isStopped) store.stop();
      const theirs = await inboxOf();
      expect(all.map((uid) => flagsOf(theirs, uid))).toEqual(wanted());
      for (const one of stores.splice(0)) one.stop();
      expect(left()).toEqual([]);
    }),
    { numRuns: 25 },
  );
});
