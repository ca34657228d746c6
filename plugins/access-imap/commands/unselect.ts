/** UNSELECT (RFC 3691): CLOSE without expunging. */
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const unselect = defineCommand({
  validIn: "selected",
  parse: parseNothing,
  async run({ session }) {
    await session.unselect();
    return ok("Unselect completed");
  },
});
