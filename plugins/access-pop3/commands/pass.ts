import { answerLogin, needsEncryption } from "../authentication.ts";
import { mistake } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 1939 7: the whole rest of the line is the password, blanks included. */
export const pass: Command = {
  validIn: "authorization",
  async run(session, argument) {
    const { state } = session;
    if (state.at !== "authorization" || state.user === null) return mistake("USER first");
    session.state = { at: "authorization", user: null };
    if (session.mechanisms.length === 0) return needsEncryption;
    const step = await session.services.logins.password(session.connection.session, state.user, argument ?? "");
    return step.at === "challenge" ? mistake("Unexpected challenge") : answerLogin(session, step);
  },
};
