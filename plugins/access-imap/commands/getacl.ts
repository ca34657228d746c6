/** GETACL (RFC 4314 3.3, 3.6): the whole list, for those with the right `a`. */
import { formatIdentifier } from "../acl/identifier.ts";
import { formatRightsList } from "../acl/rights.ts";
import { isShared, notShared } from "../acl/shared-mailboxes.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseMailboxName } from "./command.ts";

export const getAcl = defineCommand({
  validIn: "authenticated",
  parse: parseMailboxName,
  async run({ session, mailboxes }, name) {
    if (!isShared(mailboxes)) return notShared;
    const entries = (await mailboxes.acl(name)).map(
      (entry) => ` ${formatIdentifier(entry, session)} ${formatRightsList(entry.rights)}`,
    );
    session.out.line(`* ACL ${session.formatName(name)}${entries.join("")}`);
    return ok("Getacl completed");
  },
});
