/** What several processes know of one mbox through the index of mailboxes, and what they need not read for it. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, AccountQuota, Mailbox, Quotas, UsageLedger } from "postern/plugin";
import { type TemporaryMailboxIndex, temporaryMailboxIndex } from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MboxStore, MboxStoreOptions } from "./store.ts";
import { storeWith } from "./testing/open-store.ts";

const FROM = "From a@b Fri Jan  2 03:04:05 2026\n";
const foreign = (subject: string, body = "body\n"): string => `${FROM}Subject: ${subject}\n\n${body}\n`;
const message = (subject: string, body = "") => ({ content: [Buffer.from(`Subject: ${subject}\r\n\r\n${body}`)] });

let home = "";
let index: TemporaryMailboxIndex;
let stores: MboxStore[] = [];
const inboxPath = (): string => join(home, "inbox");
const size = (): number => statSync(inboxPath()).size;

/** As another process has it. */
function processWith(options: Partial<MboxStoreOptions> = {}): Promise<AccountMailboxes> {
  const store = storeWith({ index: index.open(), ...options });
  stores.push(store);
  return store.of({ login: "someone", addresses: [], home, quotaBytes: null });
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-indexed-"));
  mkdirSync(join(home, "mail"));
  index = await temporaryMailboxIndex();
});
afterEach(async () => {
  for (const store of stores) store.stop();
  stores = [];
  await index.remove();
  rmSync(home, { recursive: true, force: true });
});

async function shown(mailbox: Mailbox): Promise<readonly string[]> {
  const snapshot = await mailbox.sync();
  const rows: string[] = [];
  for (let at = 0; at < snapshot.size; at++) {
    const { uid, flags, modseq, sizeBytes } = snapshot.at(at);
    const bytes = await mailbox.bytes(uid, 100_000_000);
    expect(bytes?.length).toBe(sizeBytes);
    const subject = /^Subject: (.*)\r$/m.exec(bytes?.toString("latin1") ?? "")?.[1] ?? "";
    rows.push([uid, ...[...flags].sort(), subject, modseq].join(" "));
  }
  return rows;
}

describe("two processes", () => {
  it("show the same after each change of one of them, wherever messages stand then", async () => {
    writeFileSync(inboxPath(), `\n\n${["a", "b", "c", "d", "e"].map((subject) => foreign(subject)).join("\n")}`);
    const one = await (await processWith()).open("INBOX");
    const mail = await processWith();
    const other = await mail.open("INBOX");
    const same = async (): Promise<readonly string[]> => {
      const rows = await shown(one);
      expect(await shown(other)).toEqual(rows);
      // And one that has seen nothing of it.
      const third = await (await processWith()).open("INBOX", { isReadOnly: true });
      expect(await shown(third)).toEqual(rows);
      await third.close();
      expect(await mail.inspect("INBOX", { repair: false })).toEqual([]);
      return rows.map((row) => row.replace(/ \d+$/, ""));
    };
    expect(await same()).toEqual(["1 a", "2 b", "3 c", "4 d", "5 e"]);
    await other.store([2, 4], { mode: "add", flags: ["\\Seen", `key${"x".repeat(100)}`] });
    await same();
    await one.store([1, 3], { mode: "add", flags: ["\\Deleted"] });
    await one.expunge(null);
    expect((await same()).length).toBe(3);
    await mail.append("INBOX", [message("f", "From here\r\n"), message("g")]);
    await one.store([5], { mode: "add", flags: ["\\Deleted"] });
    await other.expunge(null);
    appendFileSync(inboxPath(), foreign("h"));
    expect((await same()).map((row) => row.split(" ")[0])).toEqual(["2", "4", "6", "7", "8"]);
    await one.close();
    await other.close();
  });

  it("agree on what has vanished, and on what changed since a moment of the past", async () => {
    writeFileSync(inboxPath(), ["a", "b", "c"].map((subject) => foreign(subject)).join(""));
    const one = await (await processWith()).open("INBOX");
    const other = await (await processWith()).open("INBOX");
    const { highestModseq } = other.snapshot;
    await one.store([2], { mode: "add", flags: ["\\Deleted"] });
    await one.expunge(null);
    await one.store([3], { mode: "add", flags: ["\\Seen"] });
    await other.sync();
    expect(await other.changesSince(highestModseq)).toMatchObject({
      changed: [3],
      vanished: [{ first: 2, last: 2 }],
      isExact: true,
    });
    await one.close();
    await other.close();
  });

  it("give a message to one session as recent", async () => {
    writeFileSync(inboxPath(), foreign("a"));
    const [one, other] = [await processWith(), await processWith()];
    const first = await one.open("INBOX");
    const second = await other.open("INBOX");
    expect([[...first.recent], [...second.recent]]).toEqual([[1], []]);
    await first.close();
    await second.close();
    expect((await (await processWith()).status("INBOX")).recent).toBe(0);
  });
});

it("a mailbox with nothing new is not read, whichever process opens it, and one that has grown only from there on", async () => {
  writeFileSync(inboxPath(), Array.from({ length: 300 }, (_, at) => foreign(`m${at}`, "x\n".repeat(20_000))).join(""));
  const first = await (await processWith()).open("INBOX");
  await first.close();
  const readBytes = (): number => Number(/^rchar: (\d+)/m.exec(readFileSync("/proc/self/io", "latin1"))?.[1]);
  const cost = async (work: () => Promise<unknown>): Promise<number> => {
    const before = readBytes();
    await work();
    return readBytes() - before;
  };
  const again = await processWith();
  expect(size()).toBeGreaterThan(12_000_000);
  expect(await cost(() => again.status("INBOX"))).toBeLessThan(1_000_000);
  const unknowing = await processWith();
  expect(await cost(() => unknowing.deliver("INBOX", message("new")))).toBeLessThan(1_000_000);
  expect(await cost(() => again.status("INBOX"))).toBeLessThan(4_000_000);
  expect((await again.status("INBOX")).messages).toBe(301);
});

describe("quota", () => {
  /** Hands out the store's own ledger. */
  function counted(): { readonly quotas: Quotas; ledger(): UsageLedger } {
    let kept: UsageLedger | null = null;
    const quota = { ignores: () => false, async admit() {}, async changed() {} } as unknown as AccountQuota;
    const quotas: Quotas = {
      whenFull: "defer",
      of(_, make) {
        kept = make({ ...quota, hard: { bytes: 1, messages: null } });
        return quota;
      },
    };
    return {
      quotas,
      ledger: () => {
        if (!kept) throw new Error("nobody asked for a ledger");
        return kept;
      },
    };
  }

  it("is what the files hold, whoever put it there, and is not counted anew for that", async () => {
    const rule = counted();
    const delivering = await processWith({ quotas: rule.quotas });
    writeFileSync(inboxPath(), foreign("a", "x\n".repeat(100_000)));
    await delivering.create("Other");
    await delivering.append("Other", [message("b"), message("c")]);
    const reader = await processWith();
    const held = async () => {
      let [bytes, messages] = [0, 0];
      for (const name of ["INBOX", "Other"]) {
        const status = await reader.status(name);
        bytes += status.sizeBytes;
        messages += status.messages;
      }
      return { bytes, messages };
    };
    const all = await held();
    expect(await rule.ledger().read()).toEqual(all);
    const asking = counted();
    const mail = await processWith({ quotas: asking.quotas });
    await mail.deliver("INBOX", message("d"));
    await mail.deliver("INBOX", message("e"));
    const before = readFileSync(inboxPath(), "latin1");
    const usage = await asking.ledger().read();
    // Nobody has looked into the mailbox for it.
    expect(readFileSync(inboxPath(), "latin1")).toBe(before);
    expect(usage).toEqual({ bytes: all.bytes + 2 * "Subject: d\r\n\r\n".length, messages: all.messages + 2 });
    expect(await held()).toEqual(usage);
    appendFileSync(inboxPath(), foreign("f"));
    expect(await asking.ledger().read()).toEqual(await held());
  });
});

describe("an append that is broken off", () => {
  it("is taken back, though nobody knows the mailbox any more", async () => {
    const mail = await processWith();
    await mail.append("INBOX", [message("a"), message("b")]);
    const whole = size();
    await mail.append("INBOX", [message("c", "x".repeat(10_000))]);
    const control = join(home, "mail/.postern/boxes/=INBOX/appending");
    expect(statSync(control).size).toBe(0);
    const head = readFileSync(inboxPath(), "latin1").slice(whole).split("\n", 1)[0];
    truncateSync(inboxPath(), size() - 5_000);
    writeFileSync(control, `${JSON.stringify({ from: whole, to: size() + 5_000, head: `${head}\n` })}\n`);
    await index.remove();
    index = await temporaryMailboxIndex();
    const again = await (await processWith()).open("INBOX");
    expect((await shown(again)).length).toBe(2);
    expect([size(), statSync(control).size]).toEqual([whole, 0]);
    await again.close();
  });

  it("stays where it may be somebody else's", async () => {
    const mail = await processWith();
    await mail.append("INBOX", [message("a")]);
    const whole = size();
    appendFileSync(inboxPath(), foreign("short"));
    const control = join(home, "mail/.postern/boxes/=INBOX/appending");
    writeFileSync(control, `${JSON.stringify({ from: whole, to: size() + 100, head: "From x@y " })}\n`);
    const inbox = await (await processWith()).open("INBOX");
    expect((await shown(inbox)).length).toBe(2);
    await inbox.close();
  });
});

describe("unique-ids", () => {
  it("of elsewhere stay with the messages that came with them", async () => {
    const mail = await processWith();
    await mail.append("INBOX", [
      { ...message("a"), uniqueId: "old-1" },
      message("b"),
      { ...message("c"), uniqueId: "x y" },
    ]);
    const idsOf = async (account: AccountMailboxes): Promise<readonly (string | undefined)[]> => {
      const inbox = await account.open("INBOX");
      const ids = await account.uniqueIds(inbox);
      await inbox.close();
      return [1, 2, 3, 4].map((uid) => ids.get(uid));
    };
    const { uidValidity } = await mail.status("INBOX");
    const hex = (uid: number) => `${uid.toString(16).padStart(8, "0")}${uidValidity.toString(16)}`;
    expect(await idsOf(mail)).toEqual(["old-1", hex(2), hex(3), undefined]);
    expect(await idsOf(await processWith({ uniqueIds: "%v.%u" }))).toEqual([
      "old-1",
      `${uidValidity}.2`,
      `${uidValidity}.3`,
      undefined,
    ]);
  });

  it.each([
    [true, ["keep", "keep-2", undefined]],
    [false, [undefined, undefined, undefined]],
  ])("in X-UIDL are kept if that is wanted: %s", async (reuseXUidl, wanted) => {
    writeFileSync(
      inboxPath(),
      `${FROM}X-UIDL: keep\nSubject: a\n\n\n${FROM}X-UIDL: keep\nSubject: b\n\n\n${foreign("c")}`,
    );
    const mail = await processWith({ reuseXUidl });
    const inbox = await mail.open("INBOX");
    const ids = await mail.uniqueIds(inbox);
    expect([1, 2, 3].map((uid) => (/^keep/.test(ids.get(uid) ?? "") ? ids.get(uid) : undefined))).toEqual(wanted);
    expect((await inbox.bytes(1, 1_000))?.toString()).toContain("X-UIDL: keep\r\n");
    await inbox.close();
  });

  it("by the digest of the header are as Dovecot makes them", async () => {
    const mail = await processWith({ uniqueIds: "%m" });
    await mail.append("INBOX", [message("a", "x")]);
    const inbox = await mail.open("INBOX");
    expect((await mail.uniqueIds(inbox)).get(1)).toMatch(/^[0-9a-f]{32}$/);
    await inbox.close();
  });
});
