import { describe, expect, it } from "vitest";
import type { Account } from "../contracts/account.ts";
import type { KeyValue } from "../contracts/key-value.ts";
import type { AccountMailboxes, NewMessage } from "../contracts/mailbox-store.ts";
import type { QuotaRule, Usage, UsageLedger } from "../contracts/quota.ts";
import { keptLog } from "../testing/kernel.ts";
import { addressOf } from "../testing/mail.ts";
import { manualClock } from "../testing/manual-clock.ts";
import type { QuotaOptions } from "./quota-rule.ts";
import { createQuotas } from "./quotas.ts";

const ann: Account = { login: "ann", addresses: [addressOf("ann@example.org")], home: "/nowhere", quotaBytes: 1000 };

const options: QuotaOptions = {
  usual: { bytes: 5000, messages: null },
  softPercent: 90,
  folders: new Map([["Tr%", { isIgnored: false, extra: { bytes: 100, messages: 0 } }]]),
  warnAtPercent: [80, 95],
  warnAgainAfterMs: 60_000,
  warningSubject: "{percent} % – {used}",
  warningText: "{login} has {used} of {limit}\nbye {unknown}",
  whenFull: "defer",
};

/** Counts in memory; `real` is what a recount finds. */
class Ledger implements UsageLedger {
  usage: Usage;
  real: Usage | null = null;
  recounts = 0;
  fault: Error | null = null;
  constructor(bytes = 0) {
    this.usage = { bytes, messages: 0 };
  }
  read(): Usage {
    if (this.fault) throw this.fault;
    return this.usage;
  }
  add(change: Usage): void {
    if (this.fault) throw this.fault;
    this.usage = { bytes: this.usage.bytes + change.bytes, messages: this.usage.messages + change.messages };
  }
  async recount(): Promise<Usage> {
    this.recounts++;
    this.usage = this.real ?? this.usage;
    return this.usage;
  }
}

function quotaOf(ledger: Ledger, change: Partial<QuotaOptions> = {}, account = ann) {
  const { log, lines } = keptLog();
  const clock = manualClock();
  const mails: string[] = [];
  const told: { waiting: (() => void)[] } = { waiting: [] };
  const seen = new Map<string, number>();
  const keyValue = {
    space: () => ({
      async update(key: string, change: (held: true | null) => { expiresAtMs: number } | null) {
        const held = (seen.get(key) ?? 0) > clock.now() ? true : null;
        const kept = change(held);
        if (kept) seen.set(key, kept.expiresAtMs);
        return kept ? true : held;
      },
    }),
  } as unknown as KeyValue;
  const mail = {
    async deliver(_: string, { content, isBeyondQuota }: NewMessage) {
      expect(isBeyondQuota).toBe(true);
      mails.push(Buffer.concat(content as Uint8Array[]).toString());
      for (const go of told.waiting.splice(0)) go();
    },
  } as unknown as AccountMailboxes;
  const facts = {
    hostname: "mx.example.org",
    dataDir: "/",
    origin: "example.org",
    postmaster: addressOf("postmaster@example.org"),
    recipientDelimiter: "+",
    version: "0",
  };
  const quotas = createQuotas({
    options: { ...options, ...change },
    log,
    clock,
    warnings: { facts, keyValue: () => keyValue, mailboxes: () => ({ of: async () => mail }) },
  });
  let rule: QuotaRule | null = null;
  const quota = quotas.of(account, (given) => {
    rule = given;
    return ledger;
  });
  const nextMail = () => new Promise<void>((resolve) => told.waiting.push(resolve));
  return { quotas, quota, mails, lines, clock, nextMail, rule: () => rule };
}

const bytes = (count: number): Usage => ({ bytes: count, messages: 1 });

describe("limits", () => {
  it.each([
    ["the account's own", { quotaBytes: 700 }, { bytes: 700, messages: null }],
    ["the usual one", { quotaBytes: null }, { bytes: 5000, messages: null }],
    ["none: 0 of its own", { quotaBytes: 0 }, null],
    ["messages beside the usual octets", { quotaBytes: null, quotaMessages: 3 }, { bytes: 5000, messages: 3 }],
    ["messages alone", { quotaBytes: 0, quotaMessages: 3 }, { bytes: null, messages: 3 }],
  ])("%s", (_, of, expected) => {
    const { quota, rule } = quotaOf(new Ledger(), {}, { ...ann, ...of });
    expect(quota?.hard ?? null).toEqual(expected);
    expect(rule()?.hard ?? null).toEqual(expected);
  });

  it("let in up to the limit and no octet more; a folder may have more", async () => {
    const { quota } = quotaOf(new Ledger(900));
    await quota?.admit("INBOX", bytes(100));
    await expect(quota?.admit("INBOX", bytes(101))).rejects.toMatchObject({ code: "overQuota" });
    await quota?.admit("Trash", bytes(200));
    await expect(quota?.admit("Trash", bytes(201))).rejects.toMatchObject({ code: "overQuota" });
    expect((await quota?.state())?.isFull).toBe(false);
  });

  it("count anew before they refuse, though not again and again", async () => {
    const ledger = new Ledger(999);
    const { quota, clock } = quotaOf(ledger);
    ledger.real = { bytes: 100, messages: 1 };
    await quota?.admit("INBOX", bytes(500));
    ledger.usage = { bytes: 1000, messages: 1 };
    await expect(quota?.admit("INBOX", bytes(500))).rejects.toMatchObject({ code: "overQuota" });
    expect(ledger.recounts).toBe(1);
    clock.advance(3_600_000);
    await quota?.admit("INBOX", bytes(500));
    expect(ledger.recounts).toBe(2);
  });

  it("let mail in when nobody can count, and the log says why", async () => {
    const ledger = new Ledger(5000);
    ledger.fault = new Error("no disk");
    const { quota, lines } = quotaOf(ledger);
    await quota?.admit("INBOX", bytes(500));
    await quota?.changed("INBOX", bytes(500));
    expect(lines.filter(({ level }) => level === "warn")).toHaveLength(2);
  });

  it("are marked as soft before they are hard", async () => {
    const state = async (used: number) => {
      const { isOverSoft, isFull } = (await quotaOf(new Ledger(used)).quota?.state()) ?? {};
      return { isOverSoft, isFull };
    };
    expect(await state(900)).toEqual({ isOverSoft: false, isFull: false });
    expect(await state(901)).toEqual({ isOverSoft: true, isFull: false });
    expect(await state(1000)).toEqual({ isOverSoft: true, isFull: true });
  });
});

describe("warnings", () => {
  it("come once when a threshold is passed on the way up, the highest of those passed", async () => {
    const { quota, mails, nextMail, clock } = quotaOf(new Ledger(700));
    let told = nextMail();
    await quota?.changed("INBOX", bytes(120));
    await told;
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain("ann has 820 B of 1000 B\r\nbye {unknown}\r\n");
    expect(mails[0]).toContain("Auto-Submitted: auto-generated\r\n");
    expect(mails[0]).toMatch(/^Subject: =\?utf-8\?/im);
    await quota?.changed("INBOX", bytes(-120));
    await quota?.changed("INBOX", bytes(120));
    told = nextMail();
    await quota?.changed("INBOX", bytes(170));
    await told;
    expect(mails).toHaveLength(2);
    expect(mails[1]).toContain("990 B of 1000 B");
    clock.advance(120_000);
    await quota?.changed("INBOX", bytes(-700));
    told = nextMail();
    await quota?.changed("INBOX", bytes(690));
    await told;
    expect(mails).toHaveLength(3);
  });

  it("do not come for what is below, or on the way down", async () => {
    const { quota, mails } = quotaOf(new Ledger(990));
    await quota?.changed("INBOX", bytes(-100));
    await quota?.changed("INBOX", bytes(10));
    await quota?.state();
    expect(mails).toEqual([]);
  });
});
