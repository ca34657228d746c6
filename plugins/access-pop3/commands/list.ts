import { ok } from "../reply.ts";
import { type Command, noSuchMessage, numberIn } from "./command.ts";
import { sendListing } from "./listing.ts";

/** RFC 1939 5 */
export const list: Command = {
  validIn: "transaction",
  async run(session, argument, maildrop) {
    if (argument !== null) {
      const number = numberIn(argument);
      const entry = number === null ? null : maildrop.entry(number);
      return entry ? ok(`${number} ${entry.sizeBytes}`) : noSuchMessage;
    }
    await session.send(`+OK ${maildrop.count} messages (${maildrop.sizeBytes} octets)\r\n`);
    await sendListing(session, maildrop, (entry) => String(entry.sizeBytes));
    return null;
  },
};
