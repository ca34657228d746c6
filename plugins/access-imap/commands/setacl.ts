/** SETACL (RFC 4314 3.1) */
import { parseMailboxAndIdentifier } from "../acl/identifier.ts";
import { parseRightsChange } from "../acl/rights.ts";
import { isShared, notShared } from "../acl/shared-mailboxes.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const setAcl = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    const { name, identifier } = parseMailboxAndIdentifier(parser);
    parser.space();
    const change = parseRightsChange(parser);
    parser.end();
    return { name, change: { ...identifier, ...change } };
  },
  async run({ mailboxes }, { name, change }) {
    if (!isShared(mailboxes)) return notShared;
    await mailboxes.changeAcl(name, change);
    return ok("Setacl completed");
  },
});
