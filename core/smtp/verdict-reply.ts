/**
 * The one place where a refusal becomes a reply. The class of the enhanced code follows the reply code; a reply code that
 * does not fit its verdict gives way to the hook's own. Never throws.
 */
import type { Refusal } from "../contracts/verdicts.ts";
import { type Reply, reply } from "./reply.ts";

/** Who refused: a hook of the session, or what `Submit` asks on behalf of the client. */
export type RefusingHook =
  | "connect"
  | "helo"
  | "tls"
  | "authAttempt"
  | "auth"
  | "mailFrom"
  | "rcptTo"
  | "data"
  | "message";

export interface Stopped {
  readonly isPermanent: boolean;
  readonly refusal: Refusal;
}

export interface Moment {
  /** Remembered, and given at RCPT (`delayReject`). */
  readonly isDelayed?: boolean;
  readonly utf8?: boolean;
}

interface Default {
  readonly reject: readonly [code: number, detail: string];
  readonly defer: readonly [code: number, detail: string];
}

const defaults: Readonly<Record<RefusingHook, Default>> = {
  // RFC 5321 3.1: 554 instead of the banner; RFC 5321 3.8: 421 closes
  connect: { reject: [554, "7.1"], defer: [421, "7.1"] },
  helo: { reject: [550, "7.1"], defer: [450, "7.1"] },
  tls: { reject: [554, "7.1"], defer: [454, "7.0"] },
  authAttempt: { reject: [535, "7.8"], defer: [454, "7.0"] },
  auth: { reject: [535, "7.8"], defer: [454, "7.0"] },
  mailFrom: { reject: [550, "7.1"], defer: [450, "7.1"] },
  rcptTo: { reject: [550, "7.1"], defer: [450, "7.1"] },
  data: { reject: [554, "7.1"], defer: [451, "7.1"] },
  message: { reject: [554, "7.1"], defer: [451, "7.1"] },
};

const DETAIL = /^\d{1,3}\.\d{1,3}$/;

/** Whether it is to be given at once: 421 means the end of the connection, whoever said it. */
export const closesAtOnce = (refusal: Refusal): boolean => refusal.close === true || refusal.code === 421;

export function verdictToReply(hook: RefusingHook, { isPermanent, refusal }: Stopped, moment: Moment = {}): Reply {
  const [ownCode, ownDetail] = isPermanent ? defaults[hook].reject : defaults[hook].defer;
  const code = replyCode(refusal, isPermanent) ?? (isEarly(hook, moment, refusal) ? ownCode : laterCode(ownCode));
  const detail = refusal.detail !== undefined && DETAIL.test(refusal.detail) ? refusal.detail : ownDetail;
  // RFC 2034 4: no enhanced code in the greeting, nor in an answer to HELO or EHLO
  const isBare = (hook === "connect" || hook === "helo") && moment.isDelayed !== true;
  const status = isBare ? null : `${isPermanent ? 5 : 4}.${detail}`;
  return reply(code, status, refusal.text || (isPermanent ? "Refused" : "Try again later"), {
    closes: closesAtOnce(refusal) || code === 421,
    utf8: moment.utf8 ?? false,
  });
}

function replyCode(refusal: Refusal, isPermanent: boolean): number | null {
  const { code } = refusal;
  if (refusal.close === true && !isPermanent) return 421; // RFC 5321 3.8
  if (code === undefined || !Number.isInteger(code) || code > 599) return null;
  return Math.floor(code / 100) === (isPermanent ? 5 : 4) ? code : null;
}

const isEarly = (hook: RefusingHook, moment: Moment, refusal: Refusal): boolean =>
  hook !== "connect" || moment.isDelayed !== true || refusal.close === true;

/** A deferred connection that is told so at RCPT loses that recipient, not the connection. */
const laterCode = (code: number): number => (code === 421 ? 450 : code);
