import { mistake } from "../reply.ts";
import type { Command } from "./command.ts";

/**
 * RFC 1939 7, optional, and not done: it needs passwords in clear on the server, and MD5 in this use is broken (a server in the
 * middle finds out the password). The greeting has no timestamp, so no client tries.
 */
export const apop: Command = {
  validIn: "authorization",
  run: () => mistake("noApop"),
};
