/** EHLO, HELO (RFC 5321 4.1.1.1) and LHLO (RFC 2033 4.1): who the client says it is, and what we can do. */
import type { Answer, Conversation } from "../conversation.ts";
import { type Reply, reply } from "../reply.ts";
import { whenKnown } from "../when-known.ts";
import { mechanismsFor } from "./auth.ts";
import { judge } from "./judge.ts";

// RFC 5321 4.5.3.1.2. Lenient: whatever is printable counts as a name; machines call themselves the strangest things.
const NAME = /^[!-~]{1,255}$/;

// RFC 2034 4: no enhanced codes in answers to HELO and EHLO
const badName = reply(501, null, "Needs one host name or address literal");
const sayLhlo = reply(500, null, "This is LMTP: say LHLO");
const sayEhlo = reply(500, null, "This is SMTP: say EHLO");

export function ehlo(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  return conversation.role.isLmtp ? sayLhlo : hello(conversation, argument, () => extensions(conversation));
}

export function lhlo(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  return conversation.role.isLmtp ? hello(conversation, argument, () => extensions(conversation)) : sayEhlo;
}

export function helo(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { hostname } = conversation.parts.config;
  return conversation.role.isLmtp ? sayLhlo : hello(conversation, argument, () => reply(250, null, hostname));
}

function hello(conversation: Conversation, argument: string, welcome: () => Reply): Answer | Promise<Answer> {
  const name = argument.trim();
  if (!NAME.test(name)) return badName;
  const { parts, session } = conversation;
  // RFC 5321 4.1.4: as RSET
  conversation.endTransaction();
  session.heloName = name;
  return whenKnown(parts.kernel.policy("helo", session, name), (result) => {
    const refused = judge(conversation, "helo", result);
    conversation.isGreeted = refused === null;
    return refused ?? welcome();
  });
}

function extensions(conversation: Conversation): Reply {
  const { config } = conversation.parts;
  const lines = [
    config.hostname,
    "PIPELINING",
    `SIZE ${config.limits.messageSizeBytes}`,
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
  ];
  if (conversation.connection.canStartTls) lines.push("STARTTLS");
  const mechanisms = conversation.session.identity === null ? mechanismsFor(conversation) : [];
  if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(" ")}`);
  return reply(250, null, lines);
}
