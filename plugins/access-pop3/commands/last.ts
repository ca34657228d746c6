import { mistake } from "../reply.ts";
import type { Command } from "./command.ts";

/** Of RFC 1460; RFC 1939 has taken it back. UIDL is for what it was for. */
export const last: Command = {
  validIn: "transaction",
  run: () => mistake("noLast"),
};
