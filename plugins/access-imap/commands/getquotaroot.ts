/** GETQUOTAROOT (RFC 9208 4.1.2): also for a mailbox that does not exist yet. */
import { formatQuota, isCounted, quotaRoot } from "../quota.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const getQuotaRoot = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ session, mailboxes }, name) {
    const state = isCounted(mailboxes, name) ? await mailboxes.quota() : null;
    // RFC 9208 4.2.2: what nothing limits has no root.
    session.out.line(`* QUOTAROOT ${session.formatName(name)}${state ? ` "${quotaRoot}"` : ""}`);
    if (state) session.out.line(`* ${formatQuota(state)}`);
    return ok("Getquotaroot completed");
  },
});
