/** MAIL (RFC 5321 4.1.1.2): opens a transaction. */
import type { BodyKind } from "../../contracts/envelope.ts";
import { whenKnown } from "../../kernel/when-known.ts";
import { parsePath } from "../../mail/address.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { badParameter, isReply, type Parameters, parseParameters } from "../parameters.ts";
import {
  greetFirst,
  greetFirstLmtp,
  localError,
  loginFirst,
  messageTooLarge,
  needsSmtpUtf8,
  senderOk,
  storageFull,
} from "../replies.ts";
import { type Reply, reply } from "../reply.ts";
import { decodeXtext } from "../xtext.ts";
import { judge } from "./judge.ts";

const KNOWN: ReadonlySet<string> = new Set(["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "REQUIRETLS", "PRDR"]);
const FROM = /^FROM: */i; // Lenient: some clients put a space after the colon
const NON_ASCII = /[^\u0000-\u007f]/;

const nested = reply(503, "5.5.1", "Nested MAIL command");
const syntax = reply(501, "5.5.4", "Syntax: MAIL FROM:<address>");
// RFC 8689 2: it is announced under TLS only
const requiresTlsInClear = reply(530, "5.7.10", "REQUIRETLS needs TLS on this connection");
const notInLmtp = reply(555, "5.5.4", "Unsupported parameter PRDR");
const badSender = reply(501, "5.1.7", "Bad sender address syntax");

export function mail(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { parts, role, session } = conversation;
  if (!conversation.isGreeted) return role.isLmtp ? greetFirstLmtp : greetFirst;
  if (role.requiresLogin && session.identity === null) return loginFirst;
  // Lenient: RFC 3030 2 asks for RSET behind a chunk that was refused
  if (conversation.transaction !== null && conversation.transaction.discards !== null) conversation.endTransaction();
  if (conversation.transaction !== null) return nested;
  const from = FROM.exec(argument);
  if (from === null) return syntax;
  const path = parsePath(argument.slice(from[0].length), { bare: role.qualifies });
  if (path === null || (path.rest !== "" && !path.rest.startsWith(" "))) return badSender;
  const parameters = parseParameters(path.rest, KNOWN);
  if (isReply(parameters)) return parameters;
  const wishes = readWishes(parameters);
  if (isReply(wishes)) return wishes;
  if (wishes.requiresTls && session.tls === null) return requiresTlsInClear;
  if (wishes.isPrdr && role.isLmtp) return notInLmtp;
  if (!wishes.isSmtpUtf8 && NON_ASCII.test(argument)) return needsSmtpUtf8;
  // RFC 1870 6.1
  if (wishes.declaredBytes !== null && wishes.declaredBytes > parts.config.limits.messageSizeBytes)
    return messageTooLarge;
  if (!parts.submit.hasRoomFor(wishes.declaredBytes ?? 0)) return storageFull;

  const { declaredBytes, isSmtpUtf8, body, ret, envid, requiresTls, isPrdr } = wishes;
  const draft = parts.submit.open({
    origin: role.isLmtp ? "lmtp" : "smtp",
    session,
    reversePath: path.address,
    body,
    isSmtpUtf8,
    requiresTls,
    ret,
    envid,
    ...(declaredBytes !== null && { declaredSizeBytes: declaredBytes }),
    repliesEach: isPrdr,
  });
  conversation.transaction = {
    draft,
    declaredBytes,
    isSmtpUtf8,
    isPrdr,
    admitted: 0,
    offered: 0,
    content: null,
    discards: null,
  };
  return whenKnown(parts.kernel.policy("mailFrom", draft.envelope, draft.envelope.reversePath), (result) => {
    if (result.changes.length > 0) draft.apply(result.changes);
    const refused = judge(conversation, "mailFrom", result);
    if (refused === null) return senderOk;
    conversation.endTransaction();
    return refused;
  });
}

/** A sender that nobody could judge has no transaction. */
export function onMailFault(conversation: Conversation): Reply {
  conversation.endTransaction();
  return localError;
}

interface Wishes {
  readonly declaredBytes: number | null;
  readonly body: BodyKind;
  readonly isSmtpUtf8: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  readonly requiresTls: boolean;
  readonly isPrdr: boolean;
}

const plain: Wishes = {
  declaredBytes: null,
  body: "7bit",
  isSmtpUtf8: false,
  ret: null,
  envid: null,
  requiresTls: false,
  isPrdr: false,
};

function readWishes(parameters: Parameters): Wishes | Reply {
  if (parameters.size === 0) return plain;
  let { declaredBytes, body, isSmtpUtf8, ret, envid, requiresTls, isPrdr } = plain;
  for (const [keyword, value] of parameters) {
    switch (keyword) {
      case "SIZE":
        // RFC 1870 3
        if (value === null || !/^\d{1,20}$/.test(value)) return badParameter(keyword);
        declaredBytes = Number(value);
        break;
      case "BODY": {
        // RFC 6152 3
        const kind = value?.toLowerCase();
        // RFC 3030 3 for the last
        if (kind !== "7bit" && kind !== "8bitmime" && kind !== "binarymime") return badParameter(keyword);
        body = kind;
        break;
      }
      case "SMTPUTF8":
        // RFC 6531 3.4: no value
        if (value !== null) return badParameter(keyword);
        isSmtpUtf8 = true;
        break;
      case "REQUIRETLS":
        // RFC 8689 2: no value
        if (value !== null) return badParameter(keyword);
        requiresTls = true;
        break;
      case "PRDR":
        // draft-hall-prdr-00 4.2: no value
        if (value !== null) return badParameter(keyword);
        isPrdr = true;
        break;
      case "RET": {
        // RFC 3461 4.3
        const wish = value?.toLowerCase();
        if (wish !== "full" && wish !== "hdrs") return badParameter(keyword);
        ret = wish;
        break;
      }
      case "ENVID":
        // RFC 3461 4.4: at most 100 characters
        envid = value !== null && value.length <= 100 ? decodeXtext(value) : null;
        if (envid === null) return badParameter(keyword);
        break;
      default:
        // AUTH=, RFC 4954 5: accepted, and trusted from nobody
        if (value === null || (value !== "<>" && decodeXtext(value) === null)) return badParameter(keyword);
    }
  }
  return { declaredBytes, body, isSmtpUtf8, ret, envid, requiresTls, isPrdr };
}
