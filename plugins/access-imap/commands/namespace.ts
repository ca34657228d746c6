/** NAMESPACE (RFC 2342 5): one's own mailboxes, other users', shared ones. */
import { isShared } from "../acl/shared-mailboxes.ts";
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const namespace = defineCommand({
  validIn: "authenticated",
  parse: parseNothing,
  run({ session, mailboxes }) {
    const { personal, otherUsers, shared } = isShared(mailboxes)
      ? mailboxes.namespaces
      : { personal: [""], otherUsers: [], shared: [] };
    const one = (prefix: string) => `(${quoted(session.formatName(prefix))} "${mailboxes.separator}")`;
    // RFC 2342 5: NIL where there is none of the kind.
    const all = (prefixes: readonly string[]) => (prefixes.length === 0 ? "NIL" : `(${prefixes.map(one).join("")})`);
    session.out.line(`* NAMESPACE ${all(personal)} ${all(otherUsers)} ${all(shared)}`);
    return ok("Namespace completed");
  },
});

/** RFC 2342 5: a string, where names elsewhere may be atoms. */
const quoted = (name: string): string => (/^["{]/.test(name) ? name : `"${name}"`);
