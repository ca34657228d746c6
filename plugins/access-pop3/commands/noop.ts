import { ok } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 1939 5 */
export const noop: Command = {
  validIn: "transaction",
  run: () => ok("Still here"),
};
