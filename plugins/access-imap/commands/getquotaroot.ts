/** GETQUOTAROOT (RFC 9208 4.1.2): also for a mailbox that does not exist yet. */
import { isElsewhere } from "../acl/shared-mailboxes.ts";
import { formatQuota, quotaRoot } from "../quota.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const getQuotaRoot = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ session, mailboxes }, name) {
    // RFC 9208 6: mailboxes of others have their owners' roots, which are not ours to tell.
    const state = isElsewhere(mailboxes, name) ? null : await mailboxes.quota({ of: name });
    // RFC 9208 4.2.2: what nothing limits has no root; nor has a mailbox that is not counted.
    session.out.line(`* QUOTAROOT ${session.formatName(name)}${state ? ` "${quotaRoot}"` : ""}`);
    if (state) session.out.line(`* ${formatQuota(state)}`);
    return ok("Getquotaroot completed");
  },
});
