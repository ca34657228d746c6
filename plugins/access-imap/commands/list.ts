/** LIST (RFC 3501 6.3.8), with CHILDREN (RFC 3348) and SPECIAL-USE attributes (RFC 6154 2). */
import type { MailboxListing } from "postern/plugin";
import { type ListArguments, parseListArguments } from "../list/arguments.ts";
import { MailboxPattern } from "../list/pattern.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const list = defineCommand({
  validIn: "authenticated",
  parse: parseListArguments,
  async run({ session, mailboxes }, { reference, pattern }: ListArguments) {
    if (pattern === "") {
      // RFC 3501 6.3.8: an empty pattern asks for the separator and the root of the reference.
      session.out.line(`* LIST (\\Noselect) "${mailboxes.separator}" ""`);
      return ok("List completed");
    }
    if (reference === null || pattern === null) return ok("List completed");
    const wanted = new MailboxPattern(reference + pattern);
    for (const listing of await mailboxes.list()) {
      if (!wanted.matches(listing.name)) continue;
      const name = session.formatName(listing.name);
      session.out.line(`* LIST (${attributes(listing)}) "${mailboxes.separator}" ${name}`);
    }
    return ok("List completed");
  },
});

function attributes({ isSelectable, hasChildren, specialUse }: MailboxListing): string {
  const words = [hasChildren ? "\\HasChildren" : "\\HasNoChildren"];
  if (!isSelectable) words.push("\\Noselect");
  if (specialUse !== null) words.push(specialUse);
  return words.join(" ");
}
