/** SELECT (RFC 3501 6.3.1) */
import { canonicalName } from "../mailbox-name.ts";
import { openMailbox } from "../open-mailbox.ts";
import { parseSelectParameters } from "../sync/select-parameters.ts";
import { defineCommand } from "./command.ts";

export const select = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = canonicalName(parser.mailbox());
    return { name, parameters: parseSelectParameters(parser) };
  },
  run: ({ session, mailboxes }, { name, parameters }) =>
    openMailbox(session, mailboxes, name, { isReadOnly: false, parameters }),
});
