/** Every verb that is known, and the gates it passes. */
import type { Answer, Conversation } from "../conversation.ts";
import { notImplemented } from "../replies.ts";
import type { Reply } from "../reply.ts";
import { auth, mechanismsFor } from "./auth.ts";
import { bdat, onBdatFault } from "./bdat.ts";
import { data } from "./data.ts";
import { ehlo, helo, lhlo } from "./ehlo.ts";
import { etrn, mayEtrn } from "./etrn.ts";
import { help } from "./help.ts";
import { mail, onMailFault } from "./mail.ts";
import { noop } from "./noop.ts";
import { quit } from "./quit.ts";
import { rcpt } from "./rcpt.ts";
import { rset } from "./rset.ts";
import { starttls } from "./starttls.ts";
import { vrfy } from "./vrfy.ts";
import { mayXclient, xclient } from "./xclient.ts";
import { mayXforward, xforward } from "./xforward.ts";

export interface Verb {
  readonly phase: (conversation: Conversation, argument: string) => Answer | Promise<Answer>;
  /** Where TLS is required: RFC 3207 4. AUTH answers for itself, by 538. */
  readonly isAllowedInClear: boolean;
  /** Brings no mail nearer: too many of them end the session. */
  readonly isIdle: boolean;
  /** Also of use to a client that was refused instead of greeted. */
  readonly isForTurnedAway?: true;
  /** What to do and say when it breaks, where 451 alone would leave the session in a state that nobody judged. */
  readonly onFault?: (conversation: Conversation) => Reply;
  /** How it is written, for HELP; one that has none is not offered. */
  readonly syntax?: string;
  /** Whether HELP tells this client of it; it does if left out. */
  readonly isFor?: (conversation: Conversation) => boolean;
}

const open = { isAllowedInClear: true, isIdle: false };
const idleOpen = { isAllowedInClear: true, isIdle: true };
const idle = { isAllowedInClear: false, isIdle: true };
const plain = { isAllowedInClear: false, isIdle: false };
/** Known, and refused by name (RFC 5321 4.2.4). */
const refused: Verb = { phase: () => notImplemented, ...plain };

const isSmtp = ({ role }: Conversation): boolean => !role.isLmtp;
const isLmtp = ({ role }: Conversation): boolean => role.isLmtp;
const canStartTls = ({ connection }: Conversation): boolean => connection.canStartTls;
const canLogIn = (conversation: Conversation): boolean => mechanismsFor(conversation).length > 0;

const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["EHLO", { phase: ehlo, syntax: "EHLO name", isFor: isSmtp, ...idleOpen }],
  ["HELO", { phase: helo, syntax: "HELO name", isFor: isSmtp, ...idleOpen }],
  ["LHLO", { phase: lhlo, syntax: "LHLO name", isFor: isLmtp, ...idleOpen }],
  ["STARTTLS", { phase: starttls, syntax: "STARTTLS", isFor: canStartTls, ...idleOpen }],
  ["AUTH", { phase: auth, syntax: "AUTH mechanism [initial-response]", isFor: canLogIn, ...idleOpen }],
  ["MAIL", { phase: mail, onFault: onMailFault, syntax: "MAIL FROM:<address> [parameter ...]", ...plain }],
  ["RCPT", { phase: rcpt, syntax: "RCPT TO:<address> [parameter ...]", ...plain }],
  ["DATA", { phase: data, syntax: "DATA", ...plain }],
  // Answers for itself where TLS is missing: its octets have to be read first.
  ["BDAT", { phase: bdat, onFault: onBdatFault, syntax: "BDAT size [LAST]", ...open }],
  ["RSET", { phase: rset, syntax: "RSET", ...idle }],
  ["NOOP", { phase: noop, syntax: "NOOP [anything]", ...idleOpen }],
  ["QUIT", { phase: quit, isForTurnedAway: true, syntax: "QUIT", ...open }],
  ["VRFY", { phase: vrfy, syntax: "VRFY address [SMTPUTF8]", ...idle }],
  [
    "HELP",
    { phase: (conversation, argument) => help(offered(conversation), argument), syntax: "HELP [verb]", ...idle },
  ],
  ["ETRN", { phase: etrn, syntax: "ETRN domain", isFor: mayEtrn, ...idle }],
  // A proxy has its own way of keeping the connection private: it comes first, before STARTTLS.
  [
    "XCLIENT",
    { phase: xclient, isForTurnedAway: true, syntax: "XCLIENT NAME=value ...", isFor: mayXclient, ...idleOpen },
  ],
  ["XFORWARD", { phase: xforward, syntax: "XFORWARD NAME=value ...", isFor: mayXforward, ...idle }],
  ["EXPN", refused],
  ["TURN", refused],
  ["SEND", refused],
  ["SOML", refused],
  ["SAML", refused],
]);

export const findVerb = (word: string): Verb | undefined => verbs.get(word);

const offered = (conversation: Conversation): ReadonlyMap<string, string> =>
  new Map(
    [...verbs].flatMap(([word, { syntax, isFor }]) =>
      syntax === undefined || isFor?.(conversation) === false ? [] : [[word, syntax]],
    ),
  );
