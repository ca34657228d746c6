/** SUBSCRIBE (RFC 3501 6.3.6): also names that do not exist; RFC 3501 leaves that open, and clients restore lists so. */
import { existingName, refuseName } from "../mailbox-name.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const subscribe = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ mailboxes }, given) {
    const name = await existingName(mailboxes, given);
    const refusal = refuseName(name);
    if (refusal) return refusal;
    await mailboxes.subscribe(name);
    return ok("Subscribe completed");
  },
});
