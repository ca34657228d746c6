/** DELETEACL (RFC 4314 3.2): the entry goes, whether it was there or not. */
import { parseMailboxAndIdentifier } from "../acl/identifier.ts";
import { isShared, notShared } from "../acl/shared-mailboxes.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const deleteAcl = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    const about = parseMailboxAndIdentifier(parser);
    parser.end();
    return about;
  },
  async run({ mailboxes }, { name, identifier }) {
    if (!isShared(mailboxes)) return notShared;
    await mailboxes.removeAcl(name, identifier);
    return ok("Deleteacl completed");
  },
});
