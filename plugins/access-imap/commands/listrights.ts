/** LISTRIGHTS (RFC 4314 3.4, 3.7): what an identifier always has, and what it can be given. */
import { formatRights } from "postern/mail";
import { formatIdentifier, parseMailboxAndIdentifier } from "../acl/identifier.ts";
import { isShared, notShared } from "../acl/shared-mailboxes.ts";
import { ok } from "../reply.ts";
import { formatAstring } from "../wire/format.ts";
import { defineCommand } from "./command.ts";

export const listRights = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    const about = parseMailboxAndIdentifier(parser);
    parser.end();
    return about;
  },
  async run({ session, mailboxes }, { name, identifier }) {
    if (!isShared(mailboxes)) return notShared;
    const { always, optional } = await mailboxes.grantable(name, identifier.subject);
    // RFC 4314 3.7: rights that stand together are tied; here none are, but for what c and d mean (2.1.1).
    const each = optional.size === 0 ? [] : [...formatRights(optional), "c", "d"];
    const who = formatIdentifier(identifier, session);
    const words = [session.formatName(name), who, formatAstring(formatRights(always)), ...each];
    session.out.line(`* LISTRIGHTS ${words.join(" ")}`);
    return ok("Listrights completed");
  },
});
