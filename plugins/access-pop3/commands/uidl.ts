import type { Maildrop } from "../maildrop.ts";
import { mistake, ok, okData, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { type Command, isBare, noMessage, numberIn } from "./command.ts";
import { sendListing } from "./listing.ts";

/** RFC 1939 7. The store makes the ids, so that they outlive a change of servers. */
export const uidl: Command = {
  validIn: "transaction",
  run: (session, argument, maildrop) => (isBare(argument) ? listAll(session, maildrop) : listOne(argument, maildrop)),
};

async function listOne(argument: string | null, maildrop: Maildrop): Promise<Reply> {
  const number = numberIn(argument);
  if (number === null) return mistake("numberNeeded");
  const entry = maildrop.entry(number);
  if (!entry) return noMessage(maildrop, number);
  return okData(`${number} ${(await maildrop.uniqueIds())(entry)}`);
}

async function listAll(session: Pop3Session, maildrop: Maildrop): Promise<null> {
  // Asked for before anything is sent: a fault can still be answered.
  const describe = await maildrop.uniqueIds();
  await sendListing(session, maildrop, { first: ok("uniqueIds"), describe });
  return null;
}
