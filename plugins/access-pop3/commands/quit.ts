import type { Maildrop } from "../maildrop.ts";
import { err, ok, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/** RFC 1939 6: the UPDATE state. The answer says whether everything marked is gone; the session ends either way. */
export const quit: Command = {
  validIn: "any",
  run(session, argument) {
    if (!isBare(argument)) return noArgument;
    const { state } = session;
    session.state = { at: "ended" };
    return state.at === "transaction" ? end(session, state.maildrop) : ok("bye");
  },
};

async function end(session: Pop3Session, maildrop: Maildrop): Promise<Reply> {
  const reply = await update(session, maildrop);
  const { doings, last } = maildrop;
  session.log.info({ ending: "quit", ...doings, left: last - doings.removed }, "session ended");
  try {
    await maildrop.release();
  } catch (fault) {
    session.log.warn({ err: fault }, "maildrop could not be let go in order");
  }
  return reply;
}

async function update(session: Pop3Session, maildrop: Maildrop): Promise<Reply> {
  // RFC 2449 6.7: EXPIRE 0 is as if each message that was fetched had been marked.
  const alsoRetrieved = session.services.options.expire === 0;
  try {
    const left = await maildrop.update({ alsoRetrieved });
    if (left === 0) return ok("bye");
    session.log.warn({ messages: left }, "deleted messages could not be removed");
  } catch (fault) {
    session.log.error({ err: fault }, "deleted messages could not be removed");
  }
  return err("someNotRemoved", "SYS/TEMP");
}
