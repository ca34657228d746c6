/** Rules of an account that name mailboxes of others: the right `p` (RFC 4314 2.1) decides, and no message is lost for want of it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Delivery, FilingResult } from "../../core/contracts/delivery.ts";
import { Sharing } from "../../core/contracts/sharing.ts";
import { definePlugin } from "../../core/kernel/define.ts";
import { filed, routed } from "../../core/kernel/verdicts.ts";
import { parseRights } from "../../core/mail/acl-rights.ts";
import { createFiling } from "../../core/queue/filing.ts";
import { keptLog } from "../../core/testing/kernel.ts";
import { envelopeOf, messageOf } from "../../core/testing/mail.ts";
import { ImapServer } from "./imap-server.ts";

describe("filing into mailboxes of others", () => {
  let server: ImapServer;
  let wanted = "";
  let envelopes = 0;
  const rules = definePlugin({
    name: "rules",
    api: 1,
    setup: () => ({ hooks: { fileInto: () => filed({ do: "fileInto", mailbox: wanted, flags: ["\\Seen"] }) } }),
  });
  beforeEach(async () => {
    server = await ImapServer.start({}, "optional", [[rules, {}]]);
  });
  afterEach(() => server.stop());

  const account = (name: string) => server.accountOf(name);
  /** By rules of bob. */
  const file = async (mailbox: string): Promise<FilingResult> => {
    wanted = mailbox;
    const { kernel } = server;
    const sharing = () => kernel.service(Sharing);
    const submit = { open: () => Promise.reject(new Error("nothing is redirected")) };
    const filing = createFiling({ kernel, submit: submit as never, sharing, log: keptLog().log });
    // Another message each time.
    const envelope = envelopeOf({ id: `E${++envelopes}`, to: ["bob@example.org"] });
    const [recipient] = envelope.recipients;
    if (!recipient) throw new Error("nobody");
    const message = messageOf("Subject: filed\n\nText\n");
    const delivery: Delivery = {
      ...{ envelope, message, route: routed("local", null), recipients: [recipient], attempt: 1 },
      settle: async () => {},
    };
    return filing.file(delivery, recipient, account("bob"));
  };
  const give = async (rights: string) => {
    const ann = await server.kernel.service(Sharing).of(account("ann"));
    const parsed = parseRights(rights);
    if (!parsed) throw new Error("no rights");
    await ann.changeAcl("INBOX", { subject: "user=bob", isNegative: false, mode: "replace", rights: parsed });
  };
  const count = async (name: string, mailbox = "INBOX") =>
    (await (await server.mailboxesOf(name)).status(mailbox)).messages;

  it("needs p, which is enough, and goes to one's own INBOX without", async () => {
    const theirs = "Other Users/ann/INBOX";
    expect((await file(theirs)).mailboxes).toEqual(["INBOX"]);
    await give("lrswite");
    expect((await file(theirs)).mailboxes).toEqual(["INBOX"]);
    expect([await count("ann"), await count("bob")]).toEqual([0, 2]);
    await give("p");
    const { outcome, mailboxes } = await file(theirs);
    expect([outcome.at, mailboxes]).toEqual(["delivered", [theirs]]);
    expect([await count("ann"), await count("bob")]).toEqual([1, 2]);
    // Nobody files mail as seen for others.
    expect((await (await server.mailboxesOf("ann")).status("INBOX")).unseen).toBe(1);
    expect((await file("Other Users/nobody/INBOX")).mailboxes).toEqual(["INBOX"]);
    await (await server.mailboxesOf("bob")).create("Work");
    expect((await file("Work")).mailboxes).toEqual(["Work"]);
  });
});
