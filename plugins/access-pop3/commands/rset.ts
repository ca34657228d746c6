import { ok } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 1939 5 */
export const rset: Command = {
  validIn: "transaction",
  run(_, __, maildrop) {
    maildrop.unmarkAll();
    return ok(`${maildrop.count} messages (${maildrop.sizeBytes} octets)`);
  },
};
