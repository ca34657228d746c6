/** NOOP (RFC 3501 6.1.2): how a client asks for news. */
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const noop = defineCommand({
  validIn: "any",
  syncs: true,
  parse: parseNothing,
  run: () => ok("NOOP completed"),
});
