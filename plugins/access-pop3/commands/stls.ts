import { formatReply, mistake, ok } from "../reply.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/**
 * RFC 2595 4. What was sent in clear before the handshake is thrown away, whoever put it there; what was learned in clear is
 * forgotten: the name that USER gave, UTF8, LANG.
 */
export const stls: Command = {
  validIn: "authorization",
  async run(session, argument) {
    const { connection } = session;
    if (!isBare(argument)) return noArgument;
    if (!connection.canStartTls) return mistake("noTls");
    const { texts } = session.language;
    session.forget();
    void connection.write(formatReply(ok("beginTls"), texts));
    await connection.startTls();
    return null;
  },
};
