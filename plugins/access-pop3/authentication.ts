/** The answer to a login, whichever command it came by (RFC 3206 4, RFC 5034 4). */
import type { LoginStep } from "postern/plugin";
import { err, errInWords, mistake, type Reply } from "./reply.ts";
import type { Pop3Session } from "./session.ts";

export function answerLogin(
  session: Pop3Session,
  step: Exclude<LoginStep, { at: "challenge" }>,
): Reply | Promise<Reply> {
  if (step.at === "success") return session.enter(step.identity);
  switch (step.cause) {
    case "invalid":
      session.loginFailures++;
      return err("loginFailed", "AUTH");
    case "refused":
      session.loginFailures++;
      return errInWords(step.text, step.isTemporary ? "SYS/TEMP" : "AUTH");
    case "unavailable":
      return err("loginUnavailable", "SYS/TEMP");
    case "encryption":
      return needsEncryption;
    case "mechanism":
      return mistake("mechanismUnknown");
    case "malformed":
      return mistake("responseMalformed");
    case "cancelled":
      return err("loginCancelled");
  }
}

/** Whether USER and PASS make sense, too: they are PLAIN by another name. */
export const takesPasswords = (mechanisms: readonly string[]): boolean =>
  mechanisms.includes("PLAIN") || mechanisms.includes("LOGIN");

export const needsEncryption: Reply = err("encryptionNeeded", "AUTH");
