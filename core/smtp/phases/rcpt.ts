/** RCPT (RFC 5321 4.1.1.3): gives the refusals that waited for it, then asks `Submit` whether the recipient is welcome. */
import type { Notify, Recipient } from "../../contracts/envelope.ts";
import type { Offer } from "../../contracts/submit.ts";
import { whenKnown } from "../../kernel/when-known.ts";
import { parsePath } from "../../mail/address.ts";
import type { Answer, Conversation, Transaction } from "../conversation.ts";
import { badParameter, isReply, type Parameters, parseParameters } from "../parameters.ts";
import { mailFirst, needsSmtpUtf8, recipientOk, tooManyRecipients } from "../replies.ts";
import { type Reply, reply } from "../reply.ts";
import type { StandingRefusal } from "../standing-refusals.ts";
import { verdictToReply } from "../verdict-reply.ts";
import { decodeUtf8Address, decodeXtext } from "../xtext.ts";
import { logRefusal } from "./judge.ts";
import { isOurPostmaster } from "./our-postmaster.ts";

const KNOWN: ReadonlySet<string> = new Set(["NOTIFY", "ORCPT"]);
const TO = /^TO: */i; // Lenient: some clients put a space after the colon
const NON_ASCII = /[^\u0000-\u007f]/;
const ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/;

// RFC 3030 2: the message is under way
const behindChunk = reply(503, "5.5.1", "RCPT cannot follow BDAT");
const syntax = reply(501, "5.5.4", "Syntax: RCPT TO:<address>");
const badRecipient = reply(501, "5.1.3", "Bad recipient address syntax");

export function rcpt(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { transaction } = conversation;
  if (transaction === null) return mailFirst;
  if (transaction.content !== null || transaction.discards !== null) return behindChunk;
  const to = TO.exec(argument);
  if (to === null) return syntax;
  const path = parsePath(argument.slice(to[0].length), { bare: conversation.role.qualifies });
  if (path === null || path.address === null || (path.rest !== "" && !path.rest.startsWith(" "))) return badRecipient;
  const parameters = parseParameters(path.rest, KNOWN);
  if (isReply(parameters)) return parameters;
  const wishes = readWishes(parameters, transaction.isSmtpUtf8);
  if (isReply(wishes)) return wishes;
  if (!transaction.isSmtpUtf8 && NON_ASCII.test(argument)) return needsSmtpUtf8;
  transaction.offered++;
  if (transaction.admitted >= conversation.parts.config.limits.recipients) return tooManyRecipients;
  const offer: Offer = { address: path.address, ...wishes };
  return whenKnown(isOurPostmaster(conversation, path.address), (isPostmaster) =>
    admit(conversation, transaction, isPostmaster ? { ...offer, isPostmaster } : offer),
  );
}

async function admit(conversation: Conversation, transaction: Transaction, offer: Offer): Promise<Answer> {
  const isPostmaster = offer.isPostmaster === true;
  const isAuthenticated = conversation.session.identity !== null;
  const utf8 = transaction.isSmtpUtf8;
  const waiting = conversation.refusals.first({ isAuthenticated, isPostmaster });
  if (waiting !== null) return refuse(conversation, transaction, offer, waiting, true);
  const admission = await transaction.draft.admit(offer);
  if (admission.at === "admitted") {
    transaction.admitted++;
    return recipientOk;
  }
  return refuse(conversation, transaction, offer, { hook: "rcptTo", ...admission }, false, utf8);
}

function refuse(
  conversation: Conversation,
  transaction: Transaction,
  offer: Offer,
  refusal: StandingRefusal,
  isDelayed: boolean,
  utf8 = transaction.isSmtpUtf8,
): Reply {
  const answer = verdictToReply(refusal.hook, refusal, { isDelayed, utf8 });
  const { id, reversePath } = transaction.draft.envelope;
  logRefusal(conversation, refusal, {
    id,
    from: reversePath?.toString() ?? "",
    to: offer.address.toString(),
    code: answer.code,
  });
  return answer;
}

interface Wishes {
  readonly notify: ReadonlySet<Notify>;
  readonly orcpt: Recipient["orcpt"];
}

const unspoken: Wishes = { notify: new Set(), orcpt: null };

function readWishes(parameters: Parameters, utf8: boolean): Wishes | Reply {
  if (parameters.size === 0) return unspoken;
  let { notify, orcpt } = unspoken;
  for (const [keyword, value] of parameters) {
    if (keyword === "NOTIFY") {
      const wish = value === null ? null : readNotify(value);
      if (wish === null) return badParameter(keyword);
      notify = wish;
    } else {
      orcpt = value === null ? null : readOrcpt(value, utf8);
      if (orcpt === null) return badParameter(keyword);
    }
  }
  return { notify, orcpt };
}

// RFC 3461 4.1: NEVER stands alone
function readNotify(value: string): ReadonlySet<Notify> | null {
  const words = value.toLowerCase().split(",");
  const wish = new Set<Notify>();
  for (const word of words) {
    if (word !== "never" && word !== "success" && word !== "failure" && word !== "delay") return null;
    wish.add(word);
  }
  return wish.has("never") && words.length > 1 ? null : wish;
}

// RFC 3461 4.2: at most 500 characters; RFC 6533 3 for the type utf-8
function readOrcpt(value: string, utf8: boolean): Recipient["orcpt"] {
  const semicolon = value.indexOf(";");
  const type = value.slice(0, semicolon);
  if (semicolon < 1 || value.length > 500 || !ATOM.test(type)) return null;
  const raw = value.slice(semicolon + 1);
  if (raw === "" || (!utf8 && NON_ASCII.test(raw))) return null;
  const address = type.toLowerCase() === "utf-8" ? decodeUtf8Address(raw) : decodeXtext(raw);
  return address === null ? null : { type, address };
}
