/** STARTTLS (RFC 3207). What the client sent in clear behind it is thrown away; what it said before is forgotten. */
import type { Answer, Conversation } from "../conversation.ts";
import { noParameters } from "../replies.ts";
import { reply } from "../reply.ts";
import { judgeTls } from "./connect.ts";

const goAhead = reply(220, "2.0.0", "Ready to start TLS");
const isOn = reply(503, "5.5.1", "TLS is on already");
const isUnavailable = reply(454, "4.7.0", "TLS is not available");
const isOff = reply(502, "5.5.1", "STARTTLS is not offered here");

export function starttls(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { connection, session } = conversation;
  if (argument.trim() !== "") return noParameters;
  if (session.tls !== null) return isOn;
  if (!connection.canStartTls) return connection.listenerTls === "none" ? isOff : isUnavailable;
  return shakeHands(conversation);
}

async function shakeHands(conversation: Conversation): Promise<Answer> {
  const { session, wire } = conversation;
  // RFC 3207 4.2: nothing learnt in clear may count under TLS
  conversation.endTransaction();
  conversation.isGreeted = false;
  conversation.refusals.forget("helo");
  session.heloName = null;
  session.identity = null;
  wire.send(goAhead.wire);
  if (!(await wire.startTls())) return null;
  const refused = await judgeTls(conversation);
  if (refused === null || refused.closes) return refused;
  // RFC 3207 4.1: to every command; nothing is said before the first of them
  conversation.turnedAway = refused;
  return null;
}
