import { mistake, ok } from "../reply.ts";
import { type Command, noSuchMessage, numberIn } from "./command.ts";

/** RFC 1939 5: a mark; QUIT deletes. */
export const dele: Command = {
  validIn: "transaction",
  run(_, argument, maildrop) {
    const number = numberIn(argument);
    if (number === null) return mistake("DELE number");
    return maildrop.markDeleted(number) ? ok("Marked for deletion") : noSuchMessage;
  },
};
