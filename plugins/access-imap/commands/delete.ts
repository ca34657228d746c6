/** DELETE (RFC 3501 6.3.4) */
import { canonicalName } from "../mailbox-name.ts";
import { no, ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const remove = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = canonicalName(parser.mailbox());
    parser.end();
    return name;
  },
  async run({ session, mailboxes }, name) {
    if (name === "INBOX") return no("INBOX cannot be deleted", "CANNOT");
    // Its own selected mailbox: nothing could be said about it any more.
    if (session.state.at === "selected" && session.state.selected.mailbox.name === name) await session.unselect();
    await mailboxes.delete(name);
    return ok("Delete completed");
  },
});
