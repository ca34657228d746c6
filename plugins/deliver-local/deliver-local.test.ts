import { buffer } from "node:stream/consumers";
import {
  type Account,
  type AccountAnswer,
  Accounts,
  type Address,
  type Delivery,
  type DomainAnswer,
  Filing,
  type FilingResult,
  type Message,
  type Outcome,
  type Recipient,
  routed,
} from "postern/plugin";
import { addressOf, envelopeOf, kernelWith, messageOf } from "postern/testing";
import { describe, expect, it } from "vitest";
import deliverLocal from "./index.ts";
import { withoutReturnPath } from "./return-path.ts";

const account = (name: string): Account => ({
  login: name,
  addresses: [addressOf(`${name}@example.org`)],
  home: `/home/${name}`,
  quotaBytes: null,
});

/** A directory: ann and bob live here; `slow` cannot be told now. */
const directory: Accounts = {
  async byAddress({ localPart }: Address): Promise<AccountAnswer> {
    if (localPart === "slow") return { at: "unavailable", reason: "the directory is down" };
    return ["ann", "bob"].includes(localPart) ? { at: "found", account: account(localPart) } : { at: "unknown" };
  },
  byLogin: async () => ({ at: "unknown" }),
  knows: async () => "unknown",
  async domain(domain): Promise<DomainAnswer> {
    return domain === "example.org" ? "served" : domain === "slow.example" ? "unavailable" : "foreign";
  },
};

interface Filed {
  readonly login: string;
  readonly text: string;
}

/** Filing that keeps what it is given, as it would stand in the mailbox. */
function filing(results: Partial<Record<string, Outcome>> = {}) {
  const filed: Filed[] = [];
  const service: Filing = {
    async file(delivery, _, { login }, fields = []): Promise<FilingResult> {
      const above = fields.map(({ name, value }) => `${name}: ${value}\r\n`).join("");
      const bytes = await buffer(delivery.message.content());
      expect(bytes.length).toBe(delivery.message.sizeBytes);
      filed.push({ login, text: above + bytes.toString() });
      const outcome = results[login] ?? {
        at: "delivered",
        reply: { code: 250, status: "2.0.0", text: "kept", host: null },
      };
      return { outcome, mailboxes: ["INBOX"] };
    },
  };
  return { filed, service };
}

async function deliver(
  to: readonly string[],
  how: {
    readonly message?: Message;
    readonly from?: string | null;
    readonly results?: Partial<Record<string, Outcome>>;
  } = {},
) {
  const { filed, service } = filing(how.results);
  const services = [
    [Accounts, directory],
    [Filing, service],
  ] as const;
  const kernel = await kernelWith({ services }, deliverLocal);
  const envelope = envelopeOf({ to, ...(how.from === undefined ? {} : { from: how.from }) });
  const settled = new Map<string, Outcome>();
  const delivery: Delivery = {
    envelope,
    message: how.message ?? messageOf("Subject: hello\n\nText.\n"),
    route: routed("local", null),
    recipients: envelope.recipients,
    attempt: 1,
    async settle(recipient: Recipient, outcome: Outcome) {
      settled.set(String(recipient.address), outcome);
    },
  };
  await kernel.deliver(delivery);
  return { filed, settled };
}

describe("route", () => {
  it.each([
    ["ann@example.org", { verdict: "routed", transport: "local", nextHop: null }],
    ["nobody@example.org", { verdict: "reject", refusal: { detail: "1.1" } }],
    ["slow@example.org", { verdict: "defer" }],
    ["x@slow.example", { verdict: "defer" }],
  ])("answers for %s", async (address, expected) => {
    const services = [
      [Accounts, directory],
      [Filing, filing().service],
    ] as const;
    const kernel = await kernelWith({ services }, deliverLocal);
    const envelope = envelopeOf({ to: [address] });
    const [recipient] = envelope.recipients;
    if (!recipient) throw new Error("no recipient");
    expect((await kernel.claim("route", recipient, envelope)).verdict).toMatchObject(expected);
  });

  it("leaves addresses of other servers to others", async () => {
    const services = [
      [Accounts, directory],
      [Filing, filing().service],
    ] as const;
    const kernel = await kernelWith({ services }, deliverLocal);
    const envelope = envelopeOf({ to: ["x@example.net"] });
    const [recipient] = envelope.recipients;
    if (!recipient) throw new Error("no recipient");
    expect((await kernel.claim("route", recipient, envelope)).verdict).toBeNull();
  });
});

describe("deliver", () => {
  it("puts Return-Path and Delivered-To in front, for each recipient", async () => {
    const { filed, settled } = await deliver(["ann@example.org", "bob@example.org"]);
    expect(filed.toSorted((a, b) => (a.login < b.login ? -1 : 1))).toEqual([
      {
        login: "ann",
        text: "Return-Path: <bob@example.net>\r\nDelivered-To: ann@example.org\r\nSubject: hello\r\n\r\nText.\r\n",
      },
      {
        login: "bob",
        text: "Return-Path: <bob@example.net>\r\nDelivered-To: bob@example.org\r\nSubject: hello\r\n\r\nText.\r\n",
      },
    ]);
    expect([...settled.values()].map(({ at }) => at)).toEqual(["delivered", "delivered"]);
  });

  it("writes the null reverse-path as <>, and removes a Return-Path that came along", async () => {
    const message = messageOf(
      "Return-Path: <forged@example.com>\nSubject: a\nreturn-path:\n <folded@example.com>\nX: y\n\nReturn-Path: body\n",
    );
    const { filed } = await deliver(["ann@example.org"], { message, from: null });
    expect(filed[0]?.text).toBe(
      "Return-Path: <>\r\nDelivered-To: ann@example.org\r\nSubject: a\r\nX: y\r\n\r\nReturn-Path: body\r\n",
    );
  });

  it("ends a loop for the one recipient that is in it", async () => {
    const message = messageOf("Delivered-To: ANN@example.org\nSubject: round\n\n");
    const { filed, settled } = await deliver(["ann@example.org", "bob@example.org"], { message });
    expect(settled.get("ann@example.org")).toMatchObject({ at: "failed", reply: { status: "5.4.6" } });
    expect(settled.get("bob@example.org")).toMatchObject({ at: "delivered" });
    expect(filed.map(({ login }) => login)).toEqual(["bob"]);
  });

  it("settles each by itself: gone, not to be told now, full, delivered", async () => {
    const full: Outcome = { at: "deferred", reply: { code: 452, status: "4.2.2", text: "full", host: null } };
    const { settled } = await deliver(["gone@example.org", "slow@example.org", "bob@example.org", "ann@example.org"], {
      results: { bob: full },
    });
    expect(Object.fromEntries([...settled].map(([to, { at, reply }]) => [to, `${at} ${reply.status}`]))).toEqual({
      "gone@example.org": "failed 5.1.1",
      "slow@example.org": "deferred 4.3.0",
      "bob@example.org": "deferred 4.2.2",
      "ann@example.org": "delivered 2.0.0",
    });
  });

  it("settles many recipients, each once", async () => {
    const to = Array.from({ length: 100 }, (_, index) => (index % 2 ? `gone${index}@example.org` : "ann@example.org"));
    const { settled, filed } = await deliver([...new Set(to)]);
    expect(settled.size).toBe(51);
    expect(filed).toHaveLength(1);
  });
});

describe("Return-Path in a message kept elsewhere", () => {
  it("is cut out wherever the pieces end", async () => {
    const whole = messageOf("A: 1\nReturn-Path: <x@y>\n folded\nB: 2\nRETURN-PATH: <z>\n\nbody\n");
    const bytes = await buffer(whole.content());
    for (let at = 1; at < bytes.length; at++) {
      for (const isHeld of [true, false]) {
        const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
        const message: Message = {
          sizeBytes: whole.sizeBytes,
          headers: whole.headers,
          content: () => whole.content(),
          inMemory: () => (isHeld ? pieces : null),
        };
        const cut = await withoutReturnPath(message);
        expect((await buffer(cut.content())).toString()).toBe("A: 1\r\nB: 2\r\n\r\nbody\r\n");
        expect(cut.sizeBytes).toBe(20);
        expect(cut.headers.get("return-path")).toBeUndefined();
      }
    }
  });
});
