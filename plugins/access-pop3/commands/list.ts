import type { Maildrop } from "../maildrop.ts";
import { mistake, ok, okData, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { type Command, isBare, noMessage, numberIn } from "./command.ts";
import { sendListing } from "./listing.ts";

/** RFC 1939 5 */
export const list: Command = {
  validIn: "transaction",
  run: (session, argument, maildrop) => (isBare(argument) ? listAll(session, maildrop) : listOne(argument, maildrop)),
};

function listOne(argument: string | null, maildrop: Maildrop): Reply {
  const number = numberIn(argument);
  if (number === null) return mistake("numberNeeded");
  const entry = maildrop.entry(number);
  return entry ? okData(`${number} ${entry.sizeBytes}`) : noMessage(maildrop, number);
}

async function listAll(session: Pop3Session, maildrop: Maildrop): Promise<null> {
  const octets = await maildrop.sizeBytes(session.connection);
  const first = ok("messages", { count: maildrop.count, octets });
  await sendListing(session, maildrop, { first, describe: (entry) => String(entry.sizeBytes) });
  return null;
}
