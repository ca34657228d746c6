/** CLOSE (RFC 3501 6.4.2): expunges without EXPUNGE responses, then leaves the mailbox. */
import { isStoreError, ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const close = defineCommand({
  validIn: "selected",
  parse: parseNothing,
  async run({ session, selected }) {
    try {
      // RFC 3501 6.4.2: nothing is removed, and no error given, if the mailbox is read-only.
      if (!selected.mailbox.isReadOnly) await selected.mailbox.expunge(null);
    } catch (fault) {
      // RFC 4314 4: without the right `e` nothing is removed, and that is no error.
      if (!isStoreError(fault, "noPermission")) throw fault;
    } finally {
      await session.unselect();
    }
    return ok("Close completed");
  },
});
