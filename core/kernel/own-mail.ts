/** Whether a message was written by somebody who belongs here: a plugin may touch its header without breaking foreign signatures. */
import type { Envelope } from "../contracts/envelope.ts";

export const isOwnMail = ({ origin, session }: Pick<Envelope, "origin" | "session">): boolean =>
  origin === "sendmail" || session?.listener.role === "submission" || (session?.identity ?? null) !== null;
