import { err, ok, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { type Command, noArgument } from "./command.ts";

/** RFC 1939 6: the UPDATE state. The answer says whether everything marked is gone; the session ends either way. */
export const quit: Command = {
  validIn: "any",
  async run(session, argument) {
    if (argument !== null) return noArgument;
    const { state } = session;
    session.state = { at: "ended" };
    if (state.at !== "transaction") return ok("Bye");
    const reply = await update(session, state);
    try {
      await state.maildrop.release();
    } catch (fault) {
      session.log.warn({ fault }, "maildrop could not be let go in order");
    }
    return reply;
  },
};

async function update(
  session: Pop3Session,
  { maildrop }: Extract<Pop3Session["state"], { at: "transaction" }>,
): Promise<Reply> {
  try {
    await maildrop.update();
    return ok("Bye");
  } catch (fault) {
    session.log.error({ fault }, "deleted messages could not be removed");
    return err("Some deleted messages were not removed", "SYS/TEMP");
  }
}
