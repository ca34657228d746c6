/** UNSUBSCRIBE (RFC 3501 6.3.7) */
import { canonicalName } from "../mailbox-name.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const unsubscribe = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = canonicalName(parser.mailbox());
    parser.end();
    return name;
  },
  async run({ mailboxes }, name) {
    await mailboxes.unsubscribe(name);
    return ok("Unsubscribe completed");
  },
});
