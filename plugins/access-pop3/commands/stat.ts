import { ok } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 1939 5 */
export const stat: Command = {
  validIn: "transaction",
  run: (_, __, maildrop) => ok(`${maildrop.count} ${maildrop.sizeBytes}`),
};
