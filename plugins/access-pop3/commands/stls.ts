import { formatReply, mistake, ok } from "../reply.ts";
import { type Command, noArgument } from "./command.ts";

/** RFC 2595 4. What was sent in clear before the handshake is thrown away, a name given by USER too. */
export const stls: Command = {
  validIn: "authorization",
  async run(session, argument) {
    const { connection } = session;
    if (argument !== null) return noArgument;
    if (!connection.canStartTls) return mistake("TLS is not available");
    connection.write(formatReply(ok("Begin TLS negotiation")));
    await connection.startTls();
    session.state = { at: "authorization", user: null };
    return null;
  },
};
