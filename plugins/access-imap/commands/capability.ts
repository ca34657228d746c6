/** CAPABILITY (RFC 3501 6.1.1) */
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const capability = defineCommand({
  validIn: "any",
  parse: parseNothing,
  run({ session }) {
    session.out.line(`* CAPABILITY ${session.capabilities}`);
    return ok("Capability completed");
  },
});
