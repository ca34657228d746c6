import { decodeRaw } from "postern/mail";
import { answerLogin, needsEncryption } from "../authentication.ts";
import { err, mistake, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import type { Command } from "./command.ts";

/** RFC 1939 7: the whole rest of the line is the password, blanks included. RFC 6856 2.2: in UTF-8. */
export const pass: Command = {
  validIn: "authorization",
  run(session, argument) {
    const { state } = session;
    if (state.at !== "authorization" || state.user === null) return mistake("userFirst");
    if (argument === null) return mistake("passwordMissing");
    const { user } = state;
    // RFC 1939 7: after a failure the client begins with USER again.
    session.state = { at: "authorization", user: null };
    return session.mechanisms.length === 0 ? needsEncryption : logIn(session, user, decodeRaw(argument));
  },
};

async function logIn(session: Pop3Session, user: string, password: string): Promise<Reply> {
  const step = await session.services.logins.password(session.connection.session, user, password);
  return step.at === "challenge" ? err("loginFailed", "AUTH") : answerLogin(session, step);
}
