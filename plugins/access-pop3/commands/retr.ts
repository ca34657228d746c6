import { mistake } from "../reply.ts";
import { type Command, noSuchMessage, numberIn } from "./command.ts";
import { sendMessage } from "./send-message.ts";

/** RFC 1939 5. The message counts as read, as with Dovecot. */
export const retr: Command = {
  validIn: "transaction",
  async run(session, argument, maildrop) {
    const number = numberIn(argument);
    if (number === null) return mistake("RETR number");
    const entry = maildrop.entry(number);
    if (!entry) return noSuchMessage;
    await sendMessage(session, maildrop, { entry, bodyLines: null });
    maildrop.markSeen(entry);
    return null;
  },
};
