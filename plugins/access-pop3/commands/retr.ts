import { mistake } from "../reply.ts";
import { type Command, noMessage, numberIn } from "./command.ts";
import { sendMessage } from "./send-message.ts";

/** RFC 1939 5. The message counts as read, as with Dovecot. */
export const retr: Command = {
  validIn: "transaction",
  run(session, argument, maildrop) {
    const number = numberIn(argument);
    if (number === null) return mistake("numberNeeded");
    const entry = maildrop.entry(number);
    if (!entry) return noMessage(maildrop, number);
    return sendMessage(session, maildrop, { number, entry, bodyLines: null });
  },
};
