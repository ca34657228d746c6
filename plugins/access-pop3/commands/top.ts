import { mistake } from "../reply.ts";
import { type Command, noMessage, numberIn } from "./command.ts";
import { sendMessage } from "./send-message.ts";

/** RFC 1939 7. Nothing counts as read. */
export const top: Command = {
  validIn: "transaction",
  run(session, argument, maildrop) {
    const [first, second, ...more] = (argument ?? "").trim().split(/ +/);
    const number = numberIn(first ?? null);
    const bodyLines = numberIn(second ?? null);
    if (number === null || bodyLines === null || more.length > 0) return mistake("topNeedsNumbers");
    const entry = maildrop.entry(number);
    if (!entry) return noMessage(maildrop, number);
    return sendMessage(session, maildrop, { number, entry, bodyLines });
  },
};
