import { mistake } from "../reply.ts";
import { type Command, noSuchMessage, numberIn } from "./command.ts";
import { sendMessage } from "./send-message.ts";

/** RFC 1939 7 */
export const top: Command = {
  validIn: "transaction",
  async run(session, argument, maildrop) {
    const [first, second, ...more] = (argument ?? "").trim().split(/ +/);
    const number = numberIn(first ?? null);
    const bodyLines = numberIn(second ?? null);
    if (number === null || bodyLines === null || more.length > 0) return mistake("TOP number lines");
    const entry = maildrop.entry(number);
    if (!entry) return noSuchMessage;
    await sendMessage(session, maildrop, { entry, bodyLines });
    return null;
  },
};
