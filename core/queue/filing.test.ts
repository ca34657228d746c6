import type { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import type { Account } from "../contracts/account.ts";
import type { Filing } from "../contracts/delivery.ts";
import { type AccountMailboxes, MailboxStore, type NewMessage, StoreError } from "../contracts/mailbox-store.ts";
import type { FilingAction } from "../contracts/verdicts.ts";
import { definePlugin } from "../kernel/define.ts";
import { defer, filed, proceed, routed } from "../kernel/verdicts.ts";
import type { Listed } from "../testing/kernel.ts";
import { addressOf } from "../testing/mail.ts";
import { type MailFlow, openingOf, sendText } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { directory, hooksPlugin, openRelay, outcomes } from "../testing/mail-plugins.ts";
import { createFiling } from "./filing.ts";

const flows = new MailFlows(openRelay, directory("example.org", "ann@example.org"));
afterEach(() => flows.close());

interface Stored {
  readonly login: string;
  readonly mailbox: string;
  readonly text: string;
  readonly flags: readonly string[];
  readonly deliveryId: string;
}

/** A store that has INBOX and Work, and fails as it is told. */
function memoryStore(faults: Readonly<Record<string, Error>> = {}) {
  const stored: Stored[] = [];
  const of = async ({ login }: Account): Promise<AccountMailboxes> => {
    const deliver: AccountMailboxes["deliver"] = async (mailbox, message, how) => {
      const fault = faults[mailbox];
      if (fault) throw fault;
      if (!["INBOX", "Work"].includes(mailbox) && !how?.create) throw new StoreError("nonexistent", "no such mailbox");
      const text = await textOf(message);
      expect(message.sizeBytes).toBe(Buffer.byteLength(text));
      stored.push({ login, mailbox, text, flags: message.flags ?? [], deliveryId: message.deliveryId ?? "" });
    };
    return { deliver } as AccountMailboxes;
  };
  const plugin = definePlugin({
    name: "test-store",
    api: 1,
    provides: { store: MailboxStore },
    setup: () => ({ provides: { store: { of } } }),
  });
  return { plugin, stored };
}

async function textOf({ content }: NewMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content as Readable | readonly Uint8Array[]) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Local mail is filed for ann; the rest is relayed and remembered. */
const filingFlow = (...plugins: readonly Listed[]) => filingFlowWith({}, ...plugins);

async function filingFlowWith(how: { readonly whenFull?: "defer" | "refuse" }, ...plugins: readonly Listed[]) {
  const given: { filing?: Filing } = {};
  const relayed: { readonly from: string | null; readonly to: string; readonly text: string }[] = [];
  const account: Account = { login: "ann", addresses: [], home: "/nowhere", quotaBytes: null };
  const local = hooksPlugin({
    route: ({ address }) => routed(address.domain === "example.org" ? "local" : "smtp", null),
    async deliver(delivery) {
      for (const recipient of delivery.recipients) {
        if (delivery.route.transport === "local" && given.filing) {
          const fields = [
            { name: "Return-Path", value: `<${delivery.envelope.reversePath ?? ""}>` },
            { name: "Delivered-To", value: recipient.address.toString() },
          ];
          const { outcome } = await given.filing.file(delivery, recipient, account, fields);
          await delivery.settle(recipient, outcome);
        } else {
          const from = delivery.envelope.reversePath === null ? null : delivery.envelope.reversePath.toString();
          const text = Buffer.concat(delivery.message.inMemory() ?? []).toString();
          relayed.push({ from, to: recipient.address.toString(), text });
          await delivery.settle(recipient, outcomes.relayed);
        }
      }
      return proceed;
    },
  });
  const flow = await flows.open([local, ...plugins]);
  const { kernel, submit, log } = flow;
  given.filing = createFiling({ kernel, submit, log, ...how });
  return { flow, relayed };
}

const sieve = (...actions: readonly [FilingAction, ...FilingAction[]]): Listed =>
  hooksPlugin({ fileInto: () => filed(...actions) }, "test-sieve");
const lineOf = (flow: MailFlow) =>
  flow.lines.find(({ fields, text }) => fields.recipient === "ann@example.org" && text !== "queued");
const send = async (flow: MailFlow, text?: string) => {
  await sendText(flow, { to: ["ann@example.org"], ...(text !== undefined && { text }) });
  await flow.quiet();
};
const elsewhere = addressOf("x@elsewhere.example");

describe("a message enters", () => {
  it("INBOX if nobody says anything, with its trace fields above, under a name that can be repeated", async () => {
    const { plugin, stored } = memoryStore();
    const { flow } = await filingFlow(plugin);
    const { submitted } = await sendText(flow, { to: ["ann@example.org"] });
    await flow.quiet();
    const id = submitted.at === "queued" ? submitted.id : "";
    expect(stored).toMatchObject([{ login: "ann", mailbox: "INBOX", deliveryId: `${id}.1`, flags: [] }]);
    expect(stored[0]?.text).toMatch(
      /^Return-Path: <bob@example.net>\r\nDelivered-To: ann@example.org\r\nReceived: [\s\S]*\r\nSubject: hello\r\n\r\nHow are you\?\r\n$/,
    );
    expect(lineOf(flow)?.fields.reply).toBe("250 2.0.0 filed into INBOX");
  });

  it("whole, also when it is kept in a file", async () => {
    const { plugin, stored } = memoryStore();
    const { flow } = await filingFlow(plugin);
    const body = `${"z".repeat(70)}\r\n`.repeat(30_000);
    await send(flow, `Subject: large\n\n${body}`);
    expect(stored[0]?.text.endsWith(`Subject: large\r\n\r\n${body}`)).toBe(true);
  });

  it.each<[string, Listed, readonly string[]]>([
    ["where it is filed", sieve({ do: "fileInto", mailbox: "Work", flags: ["\\Seen"] }), ["Work \\Seen"]],
    ["both", sieve({ do: "fileInto", mailbox: "Work" }, { do: "keep" }), ["Work ", "INBOX "]],
    ["INBOX where there is no such mailbox", sieve({ do: "fileInto", mailbox: "New" }), ["INBOX "]],
    ["a mailbox made for it", sieve({ do: "fileInto", mailbox: "New", create: true }), ["New "]],
    ["INBOX once", sieve({ do: "keep" }, { do: "fileInto", mailbox: "New" }, { do: "keep" }), ["INBOX ", "INBOX "]],
    ["nothing", sieve({ do: "discard", reason: "spam" }), []],
  ])("%s", async (_, plugin, expected) => {
    const store = memoryStore();
    const { flow } = await filingFlow(store.plugin, plugin);
    await send(flow);
    expect(store.stored.map(({ mailbox, flags }) => `${mailbox} ${flags.join(" ")}`)).toEqual(expected);
    expect(lineOf(flow)?.text).toBe("delivered");
  });
});

describe("a message leaves again", () => {
  it("by a redirect, with its own sender and without the trace fields", async () => {
    const { plugin, stored } = memoryStore();
    const { flow, relayed } = await filingFlow(plugin, sieve({ do: "redirect", address: elsewhere }));
    await send(flow);
    expect(stored).toEqual([]);
    expect(relayed).toMatchObject([{ from: "bob@example.net", to: "x@elsewhere.example" }]);
    expect(relayed[0]?.text).not.toContain("Delivered-To");
    expect(relayed[0]?.text.match(/^Received: /gm)?.length).toBe(2);
    expect(lineOf(flow)?.fields.reply).toContain("redirected to x@elsewhere.example");
  });

  it("is kept where the redirect is refused for good", async () => {
    const { plugin, stored } = memoryStore();
    const { flow } = await filingFlow(plugin, sieve({ do: "redirect", address: addressOf("dead@example.org") }));
    await send(flow);
    expect(stored.map(({ mailbox }) => mailbox)).toEqual(["INBOX"]);
  });

  it("by a rejection, of which the sender is told", async () => {
    const { plugin, stored } = memoryStore();
    const { flow, relayed } = await filingFlow(plugin, sieve({ do: "reject", reason: "I do not read this" }));
    await send(flow);
    expect(stored).toEqual([]);
    expect(relayed).toMatchObject([{ from: null, to: "bob@example.net" }]);
    expect(relayed[0]?.text).toContain("I do not read this");
  });

  it("a redirect to oneself is a keep", async () => {
    const { plugin, stored } = memoryStore();
    const { flow, relayed } = await filingFlow(
      plugin,
      sieve({ do: "redirect", address: addressOf("ann@example.org") }),
    );
    await send(flow);
    expect(stored.map(({ text }) => text.match(/^Received: /gm)?.length)).toEqual([1]);
    expect(relayed).toEqual([]);
  });

  it("in a circle of redirects it stays where the circle has become too long", async () => {
    const { plugin, stored } = memoryStore();
    const ping = hooksPlugin({
      fileInto: ({ address }) =>
        filed({ do: "redirect", address: addressOf(`${address.localPart === "ann" ? "ben" : "ann"}@example.org`) }),
    });
    const { flow } = await filingFlow(plugin, directory("example.org", "ben@example.org"), ping);
    await sendText(flow, { opening: openingOf({ from: null }), to: ["ann@example.org"] });
    await flow.quiet();
    expect(stored.map(({ mailbox }) => mailbox)).toEqual(["INBOX"]);
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
  });
});

it("is given back when the mailbox is full and the administrator wants it so", async () => {
  const { plugin } = memoryStore({ INBOX: new StoreError("overQuota", "full") });
  const { flow } = await filingFlowWith({ whenFull: "refuse" }, plugin);
  await send(flow);
  expect(lineOf(flow)).toMatchObject({ text: "failed", fields: { reply: "552 5.2.2 The mailbox is full" } });
  expect(flow.queue.stats().deferred).toBe(0);
});

describe("a message waits", () => {
  it.each<[string, Error, string]>([
    ["the mailbox is full", new StoreError("overQuota", "full"), "452 4.2.2 The mailbox is full"],
    ["the store cannot be used", new StoreError("unavailable", "NFS"), "451 4.3.0 The mailbox cannot be used now"],
    ["the disk fails", new Error("EIO: /secret/path"), "451 4.3.0 The mailbox cannot be used now"],
  ])("while %s", async (_, fault, reply) => {
    const { plugin } = memoryStore({ INBOX: fault });
    const { flow } = await filingFlow(plugin);
    await send(flow);
    expect(lineOf(flow)).toMatchObject({ text: "deferred", fields: { reply } });
    expect(flow.queue.stats().deferred).toBe(1);
  });

  it.each<[string, Listed]>([
    ["puts off", hooksPlugin({ fileInto: () => defer("script is being compiled") })],
    [
      "throws",
      hooksPlugin({
        fileInto: () => {
          throw new Error("broken script");
        },
      }),
    ],
  ])("while fileInto %s", async (_, plugin) => {
    const store = memoryStore();
    const { flow } = await filingFlow(store.plugin, plugin);
    await send(flow);
    expect(lineOf(flow)?.text).toBe("deferred");
    expect(store.stored).toEqual([]);
  });

  it("where there is no store at all", async () => {
    const { flow } = await filingFlow();
    await send(flow);
    expect(lineOf(flow)?.text).toBe("deferred");
  });
});
