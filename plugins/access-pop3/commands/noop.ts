import { ok } from "../reply.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/** RFC 1939 5 */
export const noop: Command = {
  validIn: "transaction",
  run: (_, argument) => (isBare(argument) ? ok("stillHere") : noArgument),
};
