/** MYRIGHTS (RFC 4314 3.5, 3.8) */
import { formatRightsList } from "../acl/rights.ts";
import { isShared, notShared } from "../acl/shared-mailboxes.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const myRights = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ session, mailboxes }, name) {
    if (!isShared(mailboxes)) return notShared;
    const rights = await mailboxes.rights(name);
    session.out.line(`* MYRIGHTS ${session.formatName(name)} ${formatRightsList(rights)}`);
    return ok("Myrights completed");
  },
});
