/** AUTH (RFC 4954): the SASL exchange on the wire; what is true is decided by `Logins`. */
import type { LoginStep } from "../../contracts/account.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { AUTH_LINE_OCTETS } from "../line-limits.ts";
import { greetFirst } from "../replies.ts";
import { type Reply, reply } from "../reply.ts";
import { verdictToReply } from "../verdict-reply.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const isDone = reply(503, "5.5.1", "Already authenticated");
const notNow = reply(503, "5.5.1", "No AUTH during a mail transaction");
const notOffered = reply(502, "5.5.1", "Authentication is not offered here");
const needsTls = reply(538, "5.7.11", "Encryption required for authentication");
const syntax = reply(501, "5.5.4", "Needs a mechanism");
const unknownMechanism = reply(504, "5.5.4", "Authentication mechanism is not offered");
// RFC 4954 4: 501 for what is no base64 and for a cancelled exchange
const notBase64 = reply(501, "5.5.2", "Invalid base64");
const cancelled = reply(501, "5.7.0", "Authentication cancelled");
const malformed = reply(501, "5.5.2", "Malformed authentication response");
const succeeded = reply(235, "2.7.0", "Authentication successful");
const unavailable = reply(454, "4.7.0", "Temporary authentication failure");
const invalid = reply(535, "5.7.8", "Authentication credentials invalid");

/** None in clear where TLS is required, whatever `Logins` would take there. */
export function mechanismsFor({ connection, parts, role, session }: Conversation): readonly string[] {
  const isTooEarly = connection.listenerTls === "required" && session.tls === null;
  return role.isLmtp || isTooEarly ? [] : parts.logins.mechanisms(session);
}

export function auth(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { connection, session } = conversation;
  if (!conversation.isGreeted) return greetFirst;
  if (session.identity !== null) return isDone;
  if (conversation.transaction !== null) return notNow;
  const mechanisms = mechanismsFor(conversation);
  if (mechanisms.length === 0) return session.tls === null && connection.canStartTls ? needsTls : notOffered;
  const [name, initial, ...more] = argument.trim().split(" ");
  if (name === undefined || name === "" || more.length > 0) return syntax;
  const mechanism = name.toUpperCase();
  if (!mechanisms.includes(mechanism)) return unknownMechanism;
  if (initial === undefined) return begin(conversation, mechanism, null);
  // RFC 4954 4: "=" is an empty initial response
  const response = initial === "=" ? Buffer.alloc(0) : decode(initial);
  return response === null ? notBase64 : begin(conversation, mechanism, response);
}

/** The client's next line. */
export async function continueAuth(conversation: Conversation, line: Buffer): Promise<Answer> {
  const { exchange } = conversation;
  conversation.exchange = null;
  if (exchange === null) return malformed;
  const text = line.toString("latin1");
  const response = text === "*" || line.length + 2 > AUTH_LINE_OCTETS ? null : decode(text);
  if (response === null) {
    exchange.cancel();
    return text === "*" ? cancelled : notBase64;
  }
  return answerStep(conversation, await exchange.next(response), () => {
    conversation.exchange = exchange;
  });
}

async function begin(conversation: Conversation, mechanism: string, initial: Buffer | null): Promise<Answer> {
  const { parts, session } = conversation;
  const begun = await parts.logins.begin(session, mechanism, initial);
  return answerStep(conversation, begun.step, () => {
    conversation.exchange = begun.conversation;
  });
}

function answerStep(conversation: Conversation, step: LoginStep, goOn: () => void): Reply {
  switch (step.at) {
    case "challenge":
      goOn();
      // Not by `reply`: a challenge may be longer than a reply line, and is base64 anyway.
      return { code: 334, wire: `334 ${Buffer.from(step.data).toString("base64")}\r\n`, closes: false };
    case "success":
      conversation.log.debug({ login: step.identity.login, tls: conversation.session.tls?.protocol }, "authenticated");
      return succeeded;
    case "failure":
      conversation.log.debug({ cause: step.cause }, "authentication failed");
      return failureReply(step);
  }
}

function failureReply(step: LoginStep & { at: "failure" }): Reply {
  switch (step.cause) {
    case "refused":
      return verdictToReply("authAttempt", { isPermanent: !step.isTemporary, refusal: { text: step.text } });
    case "unavailable":
      return unavailable;
    case "malformed":
      return malformed;
    case "cancelled":
      return cancelled;
    case "encryption":
      return needsTls;
    case "mechanism":
      return unknownMechanism;
    case "invalid":
      return step.isTemporary ? unavailable : invalid;
  }
}

const decode = (text: string): Buffer | null => (BASE64.test(text) ? Buffer.from(text, "base64") : null);
