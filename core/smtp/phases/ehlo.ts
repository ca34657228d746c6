/** EHLO, HELO (RFC 5321 4.1.1.1) and LHLO (RFC 2033 4.1): who the client says it is, and what we can do. */

import { whenKnown } from "../../kernel/when-known.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { type Reply, reply } from "../reply.ts";
import { mechanismsFor } from "./auth.ts";
import { mayEtrn } from "./etrn.ts";
import { judge } from "./judge.ts";
import { mayXclient, XCLIENT_KEYWORD } from "./xclient.ts";
import { mayXforward, XFORWARD_KEYWORD } from "./xforward.ts";

// RFC 5321 4.5.3.1.2. Lenient: whatever is printable counts as a name; machines call themselves the strangest things.
const NAME = /^[!-~]{1,255}$/;

// RFC 2034 4: no enhanced codes in answers to HELO and EHLO
const badName = reply(501, null, "Needs one host name or address literal");
const sayLhlo = reply(500, null, "This is LMTP: say LHLO");
const sayEhlo = reply(500, null, "This is SMTP: say EHLO");

export function ehlo(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  return conversation.role.isLmtp ? sayLhlo : hello(conversation, argument, extended);
}

export function lhlo(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  return conversation.role.isLmtp ? hello(conversation, argument, extended) : sayEhlo;
}

export function helo(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  return conversation.role.isLmtp ? sayLhlo : hello(conversation, argument, bare);
}

interface Manner {
  readonly isExtended: boolean;
  readonly welcome: (conversation: Conversation) => Reply;
}

const extended: Manner = { isExtended: true, welcome: extensions };
const bare: Manner = {
  isExtended: false,
  welcome: ({ parts }) => reply(250, null, parts.config.hostname),
};

function hello(
  conversation: Conversation,
  argument: string,
  { isExtended, welcome }: Manner,
): Answer | Promise<Answer> {
  const name = argument.trim();
  if (!NAME.test(name)) return badName;
  const { parts, session } = conversation;
  // RFC 5321 4.1.4: as RSET
  conversation.endTransaction();
  session.heloName = name;
  session.isExtended = isExtended;
  return whenKnown(parts.kernel.policy("helo", session, name), (result) => {
    const refused = judge(conversation, "helo", result);
    conversation.isGreeted = refused === null;
    return refused ?? welcome(conversation);
  });
}

function extensions(conversation: Conversation): Reply {
  const { connection, parts, role, session } = conversation;
  const { hostname, limits } = parts.config;
  const lines = [
    hostname,
    "PIPELINING",
    `SIZE ${limits.messageSizeBytes}`,
    "8BITMIME",
    "CHUNKING",
    "BINARYMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    // RFC 9422 4.1
    `LIMITS RCPTMAX=${limits.recipients}`,
  ];
  if (!role.isLmtp) lines.push("PRDR");
  // RFC 8689 2: under TLS only
  if (session.tls !== null) lines.push("REQUIRETLS");
  if (mayEtrn(conversation)) lines.push("ETRN");
  if (mayXclient(conversation)) lines.push(XCLIENT_KEYWORD);
  if (mayXforward(conversation)) lines.push(XFORWARD_KEYWORD);
  lines.push("DSN");
  if (connection.canStartTls) lines.push("STARTTLS");
  const mechanisms = session.identity === null ? mechanismsFor(conversation) : [];
  if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(" ")}`);
  return reply(250, null, lines);
}
