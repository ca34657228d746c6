/** The answer to a login, whichever command it came by (RFC 3206 4, RFC 5034 4). */
import type { LoginStep } from "postern/plugin";
import { err, mistake, type Reply } from "./reply.ts";
import type { Pop3Session } from "./session.ts";

export function answerLogin(
  session: Pop3Session,
  step: Exclude<LoginStep, { at: "challenge" }>,
): Reply | Promise<Reply> {
  if (step.at === "success") return session.enter(step.identity);
  switch (step.cause) {
    case "invalid":
      session.loginFailures++;
      return err("Authentication failed", "AUTH");
    case "refused":
      session.loginFailures++;
      return err(step.text, step.isTemporary ? "SYS/TEMP" : "AUTH");
    case "unavailable":
      return err("Authentication is not available now, try again later", "SYS/TEMP");
    case "encryption":
      return needsEncryption;
    case "mechanism":
      return mistake("This mechanism is not available");
    case "malformed":
      return mistake("Response is malformed");
    case "cancelled":
      return err("Authentication cancelled");
  }
}

export const needsEncryption: Reply = err("Encryption is needed to log in", "AUTH");
