/** The answer to a login, whichever command it came by (RFC 3501 6.2.2, 6.2.3; RFC 5530 3). */
import type { LoginStep } from "postern/plugin";
import { bad, no, ok, type Reply, storeReply } from "./reply.ts";
import type { ImapSession } from "./session.ts";
import { formatText } from "./wire/format.ts";

type End = Exclude<LoginStep, { at: "challenge" }>;

export async function answerLogin(session: ImapSession, step: End): Promise<Reply> {
  if (step.at === "success") return welcome(session, step);
  if (step.cause === "invalid" || step.cause === "refused") session.loginFailures++;
  return failure(step);
}

async function welcome(session: ImapSession, step: Extract<End, { at: "success" }>): Promise<Reply> {
  try {
    const how = await session.enter(step.identity);
    if (how === "noMailbox") return no("This login has no mailbox", "AUTHORIZATIONFAILED");
    if (how === "tooMany") return no("Too many sessions of this user", "LIMIT"); // RFC 5530 3
  } catch (fault) {
    session.place?.release();
    session.log.error({ err: fault }, "mailboxes cannot be had");
    return storeReply(fault) ?? no("Mailboxes are not available now, try again later", "UNAVAILABLE");
  }
  // RFC 3501 6.2.2: the capabilities have changed, and the client need not ask.
  return ok("Logged in", `CAPABILITY ${session.capabilities}`);
}

function failure(step: Extract<End, { at: "failure" }>): Reply {
  switch (step.cause) {
    case "invalid":
      return no("Authentication failed", "AUTHENTICATIONFAILED");
    case "unavailable":
      return no("Authentication is not available now, try again later", "UNAVAILABLE");
    case "encryption":
      return no("Encryption is needed to log in", "PRIVACYREQUIRED");
    case "refused":
      return no(formatText(step.text), step.isTemporary ? "UNAVAILABLE" : "CONTACTADMIN");
    case "mechanism":
      return no("This mechanism is not available", "CANNOT");
    case "malformed":
      return bad("Response is malformed");
    case "cancelled":
      return bad("Authentication cancelled"); // RFC 3501 6.2.2
  }
}
