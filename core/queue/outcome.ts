/** Outcomes as plugins tell them, made safe for log, spool and reports. Throws a TypeError for one that is none. */
import type { Outcome, RemoteReply } from "../contracts/delivery.ts";
import { safeText } from "../mail/header.ts";

const KINDS: ReadonlySet<string> = new Set(["delivered", "relayed", "deferred", "failed"]);
const TEXT_LIMIT = 2_000;

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

/** RFC 3463: the status that was given, else the least that the code says. */
export const statusOf = ({ status, code }: RemoteReply): string =>
  status ?? `${code >= 500 ? 5 : code >= 400 ? 4 : 2}.0.0`;

/** `550 5.1.1 User unknown` */
export const replyText = ({ code, status, text }: RemoteReply): string =>
  [String(code), status, text].filter((word) => word !== null && word !== "").join(" ");
