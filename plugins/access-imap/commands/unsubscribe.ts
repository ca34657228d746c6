/** UNSUBSCRIBE (RFC 3501 6.3.7): OK as well for what is not subscribed (RFC 9051 6.3.8). */
import { normalizedName } from "../mailbox-name.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const unsubscribe = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ mailboxes }, given) {
    const isThere = (await mailboxes.subscriptions()).includes(given);
    await mailboxes.unsubscribe(isThere ? given : normalizedName(given));
    return ok("Unsubscribe completed");
  },
});
