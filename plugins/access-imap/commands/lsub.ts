/** LSUB (RFC 3501 6.3.9): subscribed names, also those that do not exist any more. */
import { type ListArguments, parseListArguments } from "../list/arguments.ts";
import { MailboxPattern } from "../list/pattern.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const lsub = defineCommand({
  validIn: "authenticated",
  parse: parseListArguments,
  async run({ session, mailboxes }, { reference, pattern }: ListArguments) {
    if (reference === null || pattern === null || pattern === "") return ok("Lsub completed");
    const wanted = new MailboxPattern(reference + pattern);
    /** Names to their attributes. */
    const found = new Map<string, string>();
    for (const name of await mailboxes.subscriptions()) {
      if (wanted.matches(name)) found.set(name, "");
      else if (pattern.endsWith("%")) {
        // RFC 3501 6.3.9: with `%`, a parent of subscribed names is told as \Noselect.
        for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
          const parent = name.slice(0, at);
          if (!found.has(parent) && wanted.matches(parent)) found.set(parent, "\\Noselect");
        }
      }
    }
    for (const [name, attribute] of [...found].sort(([a], [b]) => (a < b ? -1 : 1)))
      session.out.line(`* LSUB (${attribute}) "${mailboxes.separator}" ${session.formatName(name)}`);
    return ok("Lsub completed");
  },
});
