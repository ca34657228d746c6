/**
 * ETRN (RFC 1985): a client that is seldom on line asks for its mail. What waits for its domain is tried again at once, on the
 * usual ways: nothing is sent over this connection. Only for whom the listener's `etrn` names.
 */
import { QueueControl } from "../../contracts/queue-control.ts";
import { parseDomain } from "../../mail/address.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { isAmong } from "../peers.ts";
import { greetFirst, inTransaction, notImplemented } from "../replies.ts";
import { type Reply, reply } from "../reply.ts";

const syntax = reply(501, "5.5.4", "Syntax: ETRN domain, or ETRN @domain");

export function mayEtrn({ parts, session, role }: Conversation): boolean {
  const client = { address: session.remote.address, isAuthenticated: session.identity !== null };
  return !role.isLmtp && isAmong(parts.config.peers.etrn, client);
}

export function etrn(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  if (!mayEtrn(conversation)) return notImplemented;
  if (!conversation.isGreeted) return greetFirst;
  // RFC 1985 5.1: not between MAIL and the end of the content
  if (conversation.transaction !== null) return inTransaction;
  const text = argument.trim();
  if (text === "" || text.includes(" ")) return syntax;
  // RFC 1985 5.3: "@" asks for the subdomains, too; "#" names a queue, and there are none with names
  if (text.startsWith("#")) return cannotQueue(text);
  const isTree = text.startsWith("@");
  const domain = parseDomain(isTree ? text.slice(1) : text, { utf8: false });
  if (domain === null || domain.startsWith("[")) return syntax;
  const { etrnDomains } = conversation.parts.config.peers;
  if (etrnDomains !== null && !etrnDomains.has(domain)) {
    conversation.log.info({ domain }, "ETRN for a domain that is not allowed");
    return reply(459, "4.7.1", `Node ${domain} not allowed: this server queues no mail for it`);
  }
  return flush(conversation, isTree ? `.${domain}` : domain, domain);
}

async function flush(conversation: Conversation, asked: string, domain: string): Promise<Reply> {
  try {
    const { recipients, isWhole } = await conversation.parts.kernel.service(QueueControl).flush(asked);
    conversation.log.info({ domain: asked, recipients }, "queue run asked for");
    // Other workers have their share of the queue: then it is not known here how much there is.
    if (!isWhole) {
      return recipients === 0
        ? reply(250, "2.0.0", `Ok, queuing for node ${domain} started`)
        : reply(252, "2.0.0", `Ok, pending messages for node ${domain} started`);
    }
    return recipients === 0
      ? reply(251, "2.0.0", `Ok, no messages waiting for node ${domain}`)
      : reply(253, "2.0.0", `Ok, ${recipients} pending messages for node ${domain} started`);
  } catch (error) {
    conversation.log.error({ err: error, domain: asked }, "the queue could not be asked");
    return cannotQueue(domain);
  }
}

const cannotQueue = (node: string): Reply => reply(458, "4.3.0", `Unable to queue messages for node ${node}`);
