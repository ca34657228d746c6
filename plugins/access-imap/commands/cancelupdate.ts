/** CANCELUPDATE (RFC 5267 4.3.5): searches are not followed any more. Tags that nobody follows are passed over. */
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const cancelUpdate = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    const tags: string[] = [];
    do {
      parser.space();
      tags.push(parser.string());
    } while (!parser.isAtEnd);
    return tags;
  },
  run({ session }, tags) {
    if (session.state.at === "selected") for (const tag of tags) session.state.selected.contexts.cancel(tag);
    return ok("Updates cancelled");
  },
});
