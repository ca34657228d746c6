/** STATUS (RFC 3501 6.3.10), with the items of RFC 7162, RFC 7889, RFC 8438, RFC 8474 and RFC 9208. Also of the selected mailbox. */
import { parseStatusItems, statusOf } from "../list/status-items.ts";
import { canonicalName, existingName } from "../mailbox-name.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const status = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = canonicalName(parser.mailbox());
    parser.space();
    const wanted = parseStatusItems(parser);
    parser.end();
    return { name, wanted };
  },
  async run({ session, mailboxes }, { name, wanted }) {
    const found = await existingName(mailboxes, name);
    session.out.line(`* ${await statusOf(session, mailboxes, { name: found, wanted })}`);
    return ok("Status completed");
  },
});
