import {
  type Account,
  AccountAdmins,
  type AccountMailboxes,
  Accounts,
  definePlugin,
  Expiry,
  type MailboxListing,
  MailboxStore,
  type MessageEntry,
  type Snapshot,
} from "postern/plugin";
import {
  addressOf,
  keptLog,
  kernelWith,
  manualClock,
  optionsOf,
  type TemporaryKeyValue,
  temporaryKeyValue,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";
import { expiredIn, type RuleOptions, ruleFor } from "./rules.ts";

const DAY = 86_400_000;
const clock = manualClock();
const nowMs = clock.now();

const entry = (uid: number, ageDays: number, how: Partial<MessageEntry> = {}): MessageEntry => ({
  uid,
  flags: new Set(),
  modseq: 1,
  internalDate: nowMs - ageDays * DAY,
  saveDate: nowMs - ageDays * DAY,
  sizeBytes: 10,
  ...how,
});

const snapshotOf = (entries: readonly MessageEntry[]): Snapshot => ({
  uidNext: 100,
  highestModseq: 1,
  size: entries.length,
  at(index) {
    const one = entries[index];
    if (!one) throw new RangeError("no such message");
    return one;
  },
  indexOf: (uid) => entries.findIndex((one) => one.uid >= uid),
});

const rule: RuleOptions = {
  mailbox: "Trash",
  afterMs: 30 * DAY,
  by: "saved",
  keepFlagged: false,
  keepUnseen: false,
  keepLatest: 0,
};

const listing = (name: string, specialUse: MailboxListing["specialUse"] = null): MailboxListing => ({
  name,
  specialUse,
  isSelectable: true,
  hasChildren: false,
  isSubscribed: false,
});

describe("a rule", () => {
  it.each<[string, Partial<RuleOptions>, readonly MessageEntry[], readonly number[]]>([
    ["takes what is as old as it says", {}, [entry(1, 31), entry(2, 30), entry(3, 29)], [1, 2]],
    ["goes by the save date", {}, [entry(1, 5, { internalDate: 1 }), entry(2, 40, { internalDate: nowMs })], [2]],
    ["leaves what nobody knows the save date of", {}, [entry(1, 90, { saveDate: null })], []],
    ["goes by the internal date where it should", { by: "received" }, [entry(1, 90, { saveDate: nowMs })], [1]],
    ["goes by either", { by: "savedOrReceived" }, [entry(1, 90, { saveDate: null }), entry(2, 1)], [1]],
    ["leaves a date of zero alone", { by: "received" }, [entry(1, 1, { internalDate: 0 })], []],
    ["keeps flagged ones", { keepFlagged: true }, [entry(1, 90, { flags: new Set(["\\Flagged"]) }), entry(2, 90)], [2]],
    ["keeps unread ones", { keepUnseen: true }, [entry(1, 90, { flags: new Set(["\\Seen"]) }), entry(2, 90)], [1]],
    ["keeps the latest", { keepLatest: 2 }, [entry(1, 90), entry(2, 90), entry(3, 90)], [1]],
  ])("%s", (_, change, entries, expected) => {
    expect(expiredIn(snapshotOf(entries), { ...rule, ...change }, nowMs).uids).toEqual(expected);
  });

  it.each([
    ["Trash", listing("Trash"), true],
    ["Trash", listing("Trash/sub"), false],
    ["Trash*", listing("Trash/sub"), true],
    ["\\Trash", listing("Papierkorb", "\\Trash"), true],
    ["\\trash", listing("Papierkorb", "\\Trash"), true],
    ["\\Trash", listing("Trash"), false],
  ])("%s is about %j: %s", (mailbox, one, expected) => {
    expect(ruleFor([{ ...rule, mailbox }])(one) !== null).toBe(expected);
  });

  it("that comes first holds", () => {
    const rules = [rule, { ...rule, mailbox: "*", afterMs: 1 }];
    expect(ruleFor(rules)(listing("Trash"))?.afterMs).toBe(rule.afterMs);
  });
});

/** Accounts whose mail is a list of messages. */
class Site {
  readonly mail = new Map<string, Map<string, MessageEntry[]>>();
  readonly opened: string[] = [];
  readonly broken = new Set<string>();

  mailboxes(login: string): AccountMailboxes {
    const own = this.mail.get(login) ?? new Map<string, MessageEntry[]>();
    const site = this;
    return {
      list: async () => {
        if (site.broken.has(login)) throw new Error("no disk");
        return [...own.keys()].map((name) => listing(name, name === "Trash" ? "\\Trash" : null));
      },
      async open(name: string, how: { readonly isReadOnly?: boolean } = {}) {
        site.opened.push(`${login} ${name}${how.isReadOnly ? " (reading)" : ""}`);
        const deleted = new Set<number>();
        const now = () => snapshotOf(own.get(name) ?? []);
        return {
          get snapshot() {
            return now();
          },
          sync: async () => now(),
          store: async (uids: readonly number[]) => {
            for (const uid of uids) deleted.add(uid);
          },
          expunge: async (uids: readonly number[]) => {
            const gone = new Set(uids.filter((uid) => deleted.has(uid)));
            own.set(name, now().size === 0 ? [] : (own.get(name) ?? []).filter(({ uid }) => !gone.has(uid)));
          },
          close: async () => {},
        };
      },
    } as unknown as AccountMailboxes;
  }

  readonly plugin = definePlugin({
    name: "store-fixture",
    api: 1,
    provides: { store: MailboxStore },
    setup: () => ({ provides: { store: { of: async ({ login }: Account) => this.mailboxes(login) } } }),
  });
}

describe("admin-expiry", () => {
  let keyValue: TemporaryKeyValue;
  beforeEach(async () => {
    keyValue = await temporaryKeyValue({ clock });
  });
  afterEach(() => keyValue.close());

  const accountOf = (login: string): Account => ({
    login,
    addresses: [addressOf(`${login}@example.org`)],
    home: "/nowhere",
    quotaBytes: null,
  });

  async function worker(site: Site, options: object, kv = keyValue.again()) {
    const { log, lines } = keptLog();
    const listed = [...site.mail.keys()].map((login) => ({ ...accountOf(login), hasPassword: true }));
    const admins = { all: [{ list: async () => listed }], register() {} } as unknown as AccountAdmins;
    const accounts = {
      byLogin: async (login: string) => ({ at: "found", account: accountOf(login) }),
    } as unknown as Accounts;
    const kernel = await kernelWith(
      {
        log,
        clock,
        services: [
          [keyValue.service[0], kv],
          [AccountAdmins, admins],
          [Accounts, accounts],
        ],
      },
      site.plugin,
      [plugin, optionsOf(plugin, options)],
    );
    return { kernel, lines };
  }

  const rules = [{ mailbox: "\\Trash", after: "30d" }];
  const siteWith = (...logins: readonly string[]): Site => {
    const site = new Site();
    for (const login of logins) {
      const old = Array.from({ length: 3 }, (_, index) => entry(index + 1, 40));
      site.mail.set(
        login,
        new Map([
          ["INBOX", old],
          ["Trash", [...old, entry(9, 1)]],
        ]),
      );
    }
    return site;
  };
  const uids = (site: Site, login: string, name: string) =>
    (site.mail.get(login)?.get(name) ?? []).map(({ uid }) => uid);
  const told = async (lines: readonly { readonly text: string }[], text: string) => {
    while (!lines.some((line) => line.text.includes(text))) await new Promise((resolve) => setImmediate(resolve));
  };

  it("removes from all accounts what is past its time, and opens nothing else for writing", async () => {
    const site = siteWith("ann", "bob");
    const { kernel, lines } = await worker(site, { rules });
    await kernel.start();
    await told(lines, "mail past its time was removed");
    await kernel.stop();
    for (const login of ["ann", "bob"]) {
      expect(uids(site, login, "Trash")).toEqual([9]);
      expect(uids(site, login, "INBOX")).toEqual([1, 2, 3]);
    }
    expect(site.opened.filter((one) => one.includes("INBOX"))).toEqual([]);
  });

  it("is done by one worker of several, and not again before its time", async () => {
    const site = siteWith("ann");
    const [one, other] = [await worker(site, { rules }), await worker(site, { rules })];
    await Promise.all([one.kernel.start(), other.kernel.start()]);
    await Promise.race([one, other].map(({ lines }) => told(lines, "mail past its time was removed")));
    await Promise.all([one.kernel.stop(), other.kernel.stop()]);
    const rounds = [...one.lines, ...other.lines].filter(({ text }) => text === "mail past its time was removed");
    expect(rounds).toHaveLength(1);
    const opened = site.opened.length;
    const third = await worker(site, { rules });
    await third.kernel.start();
    await third.kernel.stop();
    expect(site.opened).toHaveLength(opened);
  });

  it("passes over an account that cannot be used, and says so", async () => {
    const site = siteWith("ann", "bob");
    site.broken.add("ann");
    const { kernel, lines } = await worker(site, { rules });
    await kernel.start();
    await told(lines, "mail past its time was removed");
    await kernel.stop();
    expect(uids(site, "bob", "Trash")).toEqual([9]);
    expect(lines.filter(({ level }) => level === "warn")).toMatchObject([{ fields: { login: "ann" } }]);
  });

  it("only looks when it is asked to, and does nothing by itself without `background`", async () => {
    const site = siteWith("ann");
    const { kernel } = await worker(site, { rules, background: false });
    await kernel.start();
    const expiry = kernel.service(Expiry);
    expect(await expiry.expire(accountOf("ann"), { isDryRun: true })).toEqual([
      { mailbox: "Trash", messages: 3, bytes: 30, oldest: nowMs - 40 * DAY },
    ]);
    expect(uids(site, "ann", "Trash")).toEqual([1, 2, 3, 9]);
    await expiry.expire(accountOf("ann"), { isDryRun: false });
    expect(uids(site, "ann", "Trash")).toEqual([9]);
    await kernel.stop();
  });

  it("warns of rules that are hardly meant", async () => {
    const site = siteWith("ann");
    const { kernel } = await worker(site, {
      rules: [
        { mailbox: "INBOX", after: "1d" },
        { mailbox: "\\Trash", after: "1d", by: "received" },
      ],
    });
    expect((await kernel.check()).map(({ severity }) => severity)).toEqual(["warning", "warning"]);
  });
});
