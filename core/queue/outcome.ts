/** Outcomes as plugins tell them, made safe for log, spool and reports. Throws a TypeError for one that is none. */
import type { Outcome, RemoteReply } from "../contracts/delivery.ts";
import type { Routed } from "../contracts/verdicts.ts";
import { safeText } from "../mail/header.ts";

const KINDS: ReadonlySet<string> = new Set(["delivered", "relayed", "deferred", "failed"]);
const TEXT_LIMIT = 2_000;

/** Without `speaksOf`, which is for the scheduler and is not kept. */
export function checkedOutcome({ at, reply, isDsnPassedOn }: Outcome): Outcome {
  if (!KINDS.has(at)) throw new TypeError("an outcome is delivered, relayed, deferred or failed");
  if (!Number.isInteger(reply.code) || reply.code < 200 || reply.code > 599)
    throw new TypeError("an outcome has a reply with a code");
  const outcome: Outcome = { at, reply: checkedReply(reply) };
  return isDsnPassedOn === true ? { ...outcome, isDsnPassedOn } : outcome;
}

function checkedReply({ code, status, text, host }: RemoteReply): RemoteReply {
  return {
    code,
    status: status !== null && /^[245]\.\d{1,3}\.\d{1,3}$/.test(status) ? status : null,
    text: safeText(String(text)).trim().slice(0, TEXT_LIMIT),
    host: host === null ? null : safeText(String(host)).slice(0, 255),
  };
}

// RFC 3463 3.4, 3.5: X.3.2 not accepting messages, X.4.0 to X.4.5 no answer, bad connection, no directory, no route, congestion
const DESTINATION_STATUS = /^4\.(?:3\.2|4\.[0-5])$/;

/** Nobody would have got anything through to there. */
export function speaksOfDestination({ at, reply, speaksOf }: Outcome, { nextHop }: Routed): boolean {
  if (speaksOf !== undefined) return speaksOf === "destination" && (at === "deferred" || at === "failed");
  if (at !== "deferred" || nextHop === null) return false;
  // RFC 5321 3.8: 421, the service is closing
  return reply.code === 421 || (reply.status !== null && DESTINATION_STATUS.test(reply.status));
}

/** RFC 3463: the status that was given, else the least that the code says. */
export const statusOf = ({ status, code }: RemoteReply): string =>
  status ?? `${code >= 500 ? 5 : code >= 400 ? 4 : 2}.0.0`;

/** `550 5.1.1 User unknown` */
export const replyText = ({ code, status, text }: RemoteReply): string =>
  [String(code), status, text].filter((word) => word !== null && word !== "").join(" ");
