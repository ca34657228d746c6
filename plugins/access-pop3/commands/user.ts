import { needsEncryption } from "../authentication.ts";
import { mistake, ok } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 1939 7. Unknown names are answered as known ones. */
export const user: Command = {
  validIn: "authorization",
  run(session, argument) {
    if (!argument) return mistake("Whose mailbox?");
    // Before the password is sent in clear, not after.
    if (session.mechanisms.length === 0) return needsEncryption;
    session.state = { at: "authorization", user: argument };
    return ok("Password?");
  },
};
