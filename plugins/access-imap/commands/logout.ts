/** LOGOUT (RFC 3501 6.1.3) */
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const logout = defineCommand({
  validIn: "any",
  parse: parseNothing,
  async run({ session }) {
    session.out.line("* BYE Logging out");
    await session.unselect();
    session.state = { at: "loggedOut" };
    return ok("Logout completed");
  },
});
