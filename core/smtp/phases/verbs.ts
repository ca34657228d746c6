/** Every verb that is known, and the gates it passes. */
import type { Answer, Conversation } from "../conversation.ts";
import { notImplemented } from "../replies.ts";
import { auth } from "./auth.ts";
import { bdat } from "./bdat.ts";
import { data } from "./data.ts";
import { ehlo, helo, lhlo } from "./ehlo.ts";
import { help } from "./help.ts";
import { mail } from "./mail.ts";
import { noop } from "./noop.ts";
import { quit } from "./quit.ts";
import { rcpt } from "./rcpt.ts";
import { rset } from "./rset.ts";
import { starttls } from "./starttls.ts";
import { vrfy } from "./vrfy.ts";

export interface Verb {
  readonly phase: (conversation: Conversation, argument: string) => Answer | Promise<Answer>;
  /** Where TLS is required: RFC 3207 4. AUTH answers for itself, by 538. */
  readonly isAllowedInClear: boolean;
  /** Brings no mail nearer: too many of them end the session. */
  readonly isIdle: boolean;
}

const open = { isAllowedInClear: true, isIdle: false };
const idleOpen = { isAllowedInClear: true, isIdle: true };
const idle = { isAllowedInClear: false, isIdle: true };
const plain = { isAllowedInClear: false, isIdle: false };
/** Known, and refused by name (RFC 5321 4.2.4). */
const refused: Verb = { phase: () => notImplemented, ...plain };

const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["EHLO", { phase: ehlo, ...idleOpen }],
  ["HELO", { phase: helo, ...idleOpen }],
  ["LHLO", { phase: lhlo, ...idleOpen }],
  ["STARTTLS", { phase: starttls, ...idleOpen }],
  ["AUTH", { phase: auth, ...idleOpen }],
  ["MAIL", { phase: mail, ...plain }],
  ["RCPT", { phase: rcpt, ...plain }],
  ["DATA", { phase: data, ...plain }],
  // Answers for itself where TLS is missing: its octets have to be read first.
  ["BDAT", { phase: bdat, ...open }],
  ["RSET", { phase: rset, ...idle }],
  ["NOOP", { phase: noop, ...idleOpen }],
  ["QUIT", { phase: quit, ...open }],
  ["VRFY", { phase: vrfy, ...idle }],
  ["HELP", { phase: help, ...idle }],
  ["EXPN", refused],
  ["ETRN", refused],
  ["TURN", refused],
  ["SEND", refused],
  ["SOML", refused],
  ["SAML", refused],
]);

export const findVerb = (word: string): Verb | undefined => verbs.get(word);
