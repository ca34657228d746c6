/** CHECK (RFC 3501 6.4.1): everything is on disk already, so it is a NOOP. */
import { ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const check = defineCommand({
  validIn: "selected",
  syncs: true,
  parse: parseNothing,
  run: () => ok("Check completed"),
});
