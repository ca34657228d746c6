import { mistake } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 1939 7, optional: it would need passwords in clear on the server, and MD5. The greeting has no timestamp. */
export const apop: Command = {
  validIn: "authorization",
  run: () => mistake("APOP is not supported"),
};
