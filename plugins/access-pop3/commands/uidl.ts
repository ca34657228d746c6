import { ok } from "../reply.ts";
import { type Command, noSuchMessage, numberIn } from "./command.ts";
import { sendListing } from "./listing.ts";

/** RFC 1939 7 */
export const uidl: Command = {
  validIn: "transaction",
  async run(session, argument, maildrop) {
    if (argument !== null) {
      const number = numberIn(argument);
      const entry = number === null ? null : maildrop.entry(number);
      if (!entry) return noSuchMessage;
      return ok(`${number} ${(await maildrop.uniqueIds())(entry)}`);
    }
    // Asked for before anything is sent: a fault can still be answered.
    const ids = await maildrop.uniqueIds();
    await session.send("+OK\r\n");
    await sendListing(session, maildrop, ids);
    return null;
  },
};
