/** NAMESPACE (RFC 2342): one personal namespace at the root, nobody else's, nothing shared. */
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const namespace = defineCommand({
  validIn: "authenticated",
  parse: parseNothing,
  run({ session, mailboxes }) {
    session.out.line(`* NAMESPACE (("" "${mailboxes.separator}")) NIL NIL`);
    return ok("Namespace completed");
  },
});
