import { mistake, ok } from "../reply.ts";
import { type Command, noMessage, numberIn } from "./command.ts";

/** RFC 1939 5: a mark; QUIT deletes. */
export const dele: Command = {
  validIn: "transaction",
  run(_, argument, maildrop) {
    const number = numberIn(argument);
    if (number === null) return mistake("numberNeeded");
    if (!maildrop.entry(number)) return noMessage(maildrop, number);
    maildrop.markDeleted(number);
    return ok("marked");
  },
};
