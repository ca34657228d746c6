/** STATUS (RFC 3501 6.3.10) */
import type { MailboxStatus } from "postern/plugin";
import { canonicalName } from "../mailbox-name.ts";
import { ok } from "../reply.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

const items: ReadonlyMap<string, (status: MailboxStatus) => number> = new Map([
  ["MESSAGES", (status) => status.messages],
  ["RECENT", (status) => status.recent],
  ["UIDNEXT", (status) => status.uidNext],
  ["UIDVALIDITY", (status) => status.uidValidity],
  ["UNSEEN", (status) => status.unseen],
]);

export const status = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = canonicalName(parser.mailbox());
    parser.space();
    const wanted = parser.list(() => {
      const item = parser.atom().toUpperCase();
      if (!items.has(item)) throw new SyntaxFault("Unknown STATUS item");
      return item;
    });
    if (wanted.length === 0) throw new SyntaxFault("Expected STATUS items");
    parser.end();
    return { name, wanted };
  },
  async run({ session, mailboxes }, { name, wanted }) {
    const facts = await mailboxes.status(name);
    const values = wanted.map((item) => `${item} ${items.get(item)?.(facts) ?? 0}`);
    session.out.line(`* STATUS ${session.formatName(name)} (${values.join(" ")})`);
    return ok("Status completed");
  },
});
