/** HELP (RFC 5321 4.1.1.8) */
import type { Answer, Conversation } from "../conversation.ts";
import { reply } from "../reply.ts";

const smtp = reply(214, "2.0.0", [
  "EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP STARTTLS AUTH",
  "See RFC 5321, RFC 3207 and RFC 4954",
]);
const lmtp = reply(214, "2.0.0", ["LHLO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP STARTTLS", "See RFC 2033"]);

export const help = ({ role }: Conversation): Answer => (role.isLmtp ? lmtp : smtp);
