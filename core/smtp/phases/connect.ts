/** The opening of a session: the client's name, hooks `connect`, then `tls` where TLS came first, then the banner (RFC 5321 3.1). */

import { whenKnown } from "../../kernel/when-known.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { type Reply, reply } from "../reply.ts";
import { judge } from "./judge.ts";

// RFC 5321 3.1: what comes between 554 and QUIT
const refusedAtOnce = reply(503, "5.5.1", "You have been refused: nothing but QUIT");

// RFC 5321 3.1
const notForYou = reply(554, null, "Access denied", { closes: true });

/** Also where XCLIENT begins the session anew. */
export function openSession(conversation: Conversation): Answer | Promise<Answer> {
  const { parts, peerAddress, session } = conversation;
  const { clients } = parts.config.peers;
  if (clients !== null && !clients.includes(peerAddress)) {
    conversation.log.info({}, "client is not among those that this listener is for");
    return notForYou;
  }
  const { address, hostname } = session.remote;
  if (hostname !== null || parts.clientNames === undefined) return judgeConnect(conversation);
  return whenKnown(parts.clientNames.find(address), (found) => {
    if (found.at === "verified") session.remote = { ...session.remote, hostname: found.name };
    return judgeConnect(conversation);
  });
}

function judgeConnect(conversation: Conversation): Answer | Promise<Answer> {
  const { parts, session } = conversation;
  return whenKnown(parts.kernel.policy("connect", session), (result) => {
    const refused = judge(conversation, "connect", result);
    if (refused !== null) return turnAway(conversation, refused);
    if (session.tls === null) return greet(conversation);
    return whenKnown(judgeTls(conversation), (refusal) =>
      refusal === null ? greet(conversation) : turnAway(conversation, refusal),
    );
  });
}

/** Asks the hook `tls` after a handshake. */
export function judgeTls(conversation: Conversation): Answer | Promise<Answer> {
  const { parts, session } = conversation;
  return whenKnown(parts.kernel.policy("tls", session), (result) => judge(conversation, "tls", result));
}

/** Instead of the banner. What ends the connection is said as it is, also to whoever has spoken before. */
function turnAway(conversation: Conversation, refused: Reply): Reply | null {
  if (refused.closes) return refused;
  if (conversation.takeEarlyTalker()) return null;
  conversation.turnedAway = refusedAtOnce;
  conversation.ready();
  return refused;
}

function greet(conversation: Conversation): Reply | null {
  if (conversation.takeEarlyTalker()) return null;
  conversation.ready();
  const { parts, role } = conversation;
  return role.isLmtp ? parts.banners.lmtp : parts.banners.smtp;
}

/** RFC 5321 4.2: our name first. RFC 2034 4: no enhanced code. */
export const banner = (hostname: string, protocol: "ESMTP" | "LMTP"): Reply =>
  reply(220, null, `${hostname} ${protocol} Postern`);
