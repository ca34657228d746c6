/** RENAME (RFC 3501 6.3.5) */
import { canonicalName, refuseName } from "../mailbox-name.ts";
import { no, ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const rename = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const from = canonicalName(parser.mailbox());
    parser.space();
    const to = canonicalName(parser.mailbox());
    parser.end();
    return { from, to };
  },
  async run({ session, mailboxes }, { from, to }) {
    const refusal = refuseName(to);
    if (refusal) return refusal;
    if (to === "INBOX" || from === to) return no("Mailbox already exists", "ALREADYEXISTS");
    if (to.startsWith(`${from}/`) && from !== "INBOX") return no("A mailbox cannot move into itself", "CANNOT");
    await mailboxes.rename(from, to);
    if (session.state.at === "selected") session.state.selected.isStale = true;
    return ok("Rename completed");
  },
});
