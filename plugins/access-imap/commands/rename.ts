/** RENAME (RFC 3501 6.3.5). Subscriptions stay with the old name (RFC 9051 6.3.6). */
import { tellOldName } from "../list/old-name.ts";
import { canonicalName, existingName, normalizedName, refuseName } from "../mailbox-name.ts";
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
  async run({ session, mailboxes }, given) {
    const from = await existingName(mailboxes, given.from);
    // Lenient: some programs send the separator behind the new name, as with CREATE.
    const to = normalizedName(given.to.endsWith("/") ? given.to.slice(0, -1) : given.to);
    const refusal = refuseName(to);
    if (refusal) return refusal;
    if (to === "INBOX" || from === to) return no("Mailbox already exists", "ALREADYEXISTS");
    if (to.startsWith(`${from}/`) && from !== "INBOX") return no("A mailbox cannot move into itself", "CANNOT");
    await mailboxes.rename(from, to);
    // RFC 3501 6.3.5: the messages of INBOX have gone; any other mailbox that was selected is there no more.
    if (session.state.at === "selected") session.state.selected.isStale = true;
    if (from !== given.from || to !== given.to) tellOldName(session, { name: to, oldName: given.from });
    return ok("Rename completed");
  },
});
