/**
 * VRFY (RFC 5321 3.5.3, 7.3): who has a mailbox here is told to those whom the listener's `vrfy` names, and to nobody else.
 * They learn what RCPT would have told them: the same hooks answer, in the same words.
 */
import { Accounts } from "../../contracts/account.ts";
import { type Address, parseAddress, parsePath, withLocalPart } from "../../mail/address.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { isAmong } from "../peers.ts";
import { loginFirst, needsSmtpUtf8 } from "../replies.ts";
import { type Reply, reply } from "../reply.ts";
import { verdictToReply } from "../verdict-reply.ts";
import { isOurPostmaster } from "./our-postmaster.ts";

const NON_ASCII = /[^\u0000-\u007f]/;

const tryIt = reply(252, "2.1.5", "Cannot verify, but will take mail and try to deliver it");
const syntax = reply(501, "5.5.4", "Syntax: VRFY address");
// RFC 5321 3.5.3: 553 where the name is none that could be delivered to
const noAddress = reply(553, "5.1.3", "That is no mailbox name");

export function vrfy(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { parts, role, session } = conversation;
  // RFC 6531 3.7.4.2: the parameter says that the client reads UTF-8 in the answer
  const [, text = "", keyword] = /^(.*?)( +SMTPUTF8)?$/i.exec(argument.trim()) ?? [];
  const utf8 = keyword !== undefined;
  if (text === "" || text.toUpperCase() === "SMTPUTF8") return syntax;
  const client = { address: session.remote.address, isAuthenticated: session.identity !== null };
  if (!isAmong(parts.config.peers.vrfy, client)) return tryIt;
  if (role.requiresLogin && session.identity === null) return loginFirst;
  if (!utf8 && NON_ASCII.test(text)) return needsSmtpUtf8;
  const address = readAddress(text);
  return address === null ? noAddress : verify(conversation, address, utf8);
}

/** `user`, `user@domain`, `<user@domain>`; a name alone is one of this server's own domain. */
function readAddress(text: string): Address | null {
  if (text.includes("@")) {
    const path = parsePath(text);
    return path === null || path.rest !== "" ? null : path.address;
  }
  const name = text.startsWith("<") && text.endsWith(">") ? text.slice(1, -1) : text;
  const address = parseAddress(`${name}@localhost`);
  return address && withLocalPart({ ...address, domain: "" }, address.localPart);
}

async function verify(conversation: Conversation, address: Address, utf8: boolean): Promise<Reply> {
  const { parts, role, session, refusals } = conversation;
  const isPostmaster = await isOurPostmaster(conversation, address);
  const waiting = refusals.first({ isAuthenticated: session.identity !== null, isPostmaster });
  if (waiting !== null) return verdictToReply(waiting.hook, waiting, { isDelayed: true, utf8 });
  const draft = parts.submit.open({
    origin: role.isLmtp ? "lmtp" : "smtp",
    session,
    reversePath: null,
    body: "7bit",
    isSmtpUtf8: utf8,
    requiresTls: false,
    ret: null,
    envid: null,
  });
  try {
    const offer = { address, orcpt: null, notify: new Set<never>() };
    const admission = await draft.admit(isPostmaster ? { ...offer, isPostmaster } : offer);
    if (admission.at === "refused") return verdictToReply("rcptTo", admission, { utf8 });
    const [recipient] = admission.recipients;
    // A bare name has got its domain by now.
    const { domain } = recipient?.parents[0] ?? recipient?.address ?? address;
    const isOurs = isPostmaster || (await parts.kernel.service(Accounts).domain(domain)) === "served";
    // RFC 5321 3.5.3: 252 for what is only passed on. An alias is verified as it is written: where it leads is not told.
    return isOurs ? reply(250, "2.1.5", `<${address}>`, { utf8 }) : tryIt;
  } finally {
    await draft.close();
  }
}
