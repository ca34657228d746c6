/** STARTTLS (RFC 3501 6.2.1) */
import { formatReply, no, ok } from "../reply.ts";
import { defineCommand, parseNothing } from "./command.ts";

export const startTls = defineCommand({
  validIn: "notAuthenticated",
  parse: parseNothing,
  async run({ session, tag }) {
    const { connection, out } = session;
    if (!connection.canStartTls)
      return no(connection.session.tls ? "TLS is on already" : "TLS is not available here", "CANNOT");
    out.line(formatReply(tag, ok("Begin TLS negotiation now")));
    // The connection waits for nothing between this answer and the handshake: what was pipelined is thrown away there.
    const written = out.flush();
    await connection.startTls();
    await written;
    return null;
  },
});
