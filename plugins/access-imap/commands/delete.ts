/** DELETE (RFC 3501 6.3.4). What is below stays (RFC 3501 6.3.4), and the name as a level of it. */
import { tellOldName } from "../list/old-name.ts";
import { existingName } from "../mailbox-name.ts";
import { isStoreError, no, ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const remove = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ session, mailboxes }, given) {
    const name = await existingName(mailboxes, given);
    if (name === "INBOX") return no("INBOX cannot be deleted", "CANNOT");
    try {
      await mailboxes.delete(name);
    } catch (fault) {
      if (!isStoreError(fault, "cannot")) throw fault;
      const listing = (await mailboxes.list()).find((candidate) => candidate.name === name);
      // RFC 9051 6.3.5: a name that is only a level of the hierarchy goes with the last one below it.
      if (!listing?.isSelectable && listing?.hasChildren) return no("Mailbox has others below it", "HASCHILDREN");
      throw fault;
    }
    // Its own selected mailbox: nothing could be said about it any more.
    if (session.state.at === "selected" && session.state.selected.mailbox.name === name) await session.unselect();
    tellOldName(session, { name, oldName: given, attributes: "\\NonExistent" });
    return ok("Delete completed");
  },
});
