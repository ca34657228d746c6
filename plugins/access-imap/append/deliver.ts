/** What APPEND and REPLACE do with the messages that come: into the store, all or none, and the answer. */
import type { AccountMailboxes } from "postern/plugin";
import { existingName } from "../mailbox-name.ts";
import { tellSoftQuota } from "../quota.ts";
import { isStoreError, no, type Reply, storeReply } from "../reply.ts";
import type { ImapSession } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import type { AnnouncedLiteral } from "../wire/command-reader.ts";
import { ClientGone, CommandTail } from "../wire/command-tail.ts";
import { formatSet } from "../wire/sequence-set.ts";
import { IncomingMessages } from "./incoming-messages.ts";
import { UrlContents } from "./url-content.ts";

export interface Delivering {
  readonly session: ImapSession;
  readonly mailboxes: AccountMailboxes;
  /** Stands behind the name of the mailbox. */
  readonly parser: CommandParser;
  readonly literal: AnnouncedLiteral | null;
  readonly name: string;
  readonly maxMessages?: number;
  /** What can be said before anything is read; `null`: go on. */
  refuse?(): Reply | null;
}

export type Delivered =
  | { readonly at: "delivered"; readonly appendUid: `APPENDUID ${string}` | null }
  | { readonly at: "refused"; readonly reply: Reply }
  /** The session is over. */
  | { readonly at: "gone" };

export async function deliver(given: Delivering): Promise<Delivered> {
  const { session, mailboxes } = given;
  const { connection, reader, services } = session;
  const tail = new CommandTail({ octets: connection.reader, commands: reader }, given.parser, given.literal);
  const selected = session.state.at === "selected" ? session.state.selected : null;
  const urls = new UrlContents(mailboxes, selected?.mailbox ?? null);
  const incoming = new IncomingMessages({
    tail,
    urls,
    maxMessageBytes: services.options.maxMessageSize,
    ...(given.maxMessages === undefined ? {} : { maxMessages: given.maxMessages }),
  });
  const early = given.refuse?.();
  if (early) return refused(given, tail, early);
  try {
    const name = await existingName(mailboxes, given.name);
    const { uidValidity, uids } = await mailboxes.append(name, await incoming.all());
    // RFC 3501 6.3.11: into the selected mailbox, the client hears of it at once.
    session.tookIn(name, uids);
    await tellSoftQuota(session, mailboxes);
    // RFC 4315 3; RFC 3502 4: a set where there are several.
    return { at: "delivered", appendUid: uids.length > 0 ? `APPENDUID ${uidValidity} ${formatSet(uids)}` : null };
  } catch (fault) {
    if (incoming.isClientGone || fault instanceof ClientGone || connection.closed.aborted) return { at: "gone" };
    return refused(given, tail, incoming.refusal ?? failure(given, fault));
  } finally {
    await urls.close();
  }
}

async function refused({ session }: Delivering, tail: CommandTail, reply: Reply): Promise<Delivered> {
  if (await tail.skip()) return { at: "refused", reply };
  if (!session.connection.closed.aborted) session.bye(reply.text);
  return { at: "gone" };
}

/** RFC 3501 6.3.11: TRYCREATE */
function failure({ session, name }: Delivering, fault: unknown): Reply {
  if (isStoreError(fault, "nonexistent")) return no("No such mailbox", "TRYCREATE");
  const reply = storeReply(fault);
  if (reply) return reply;
  session.log.error({ err: fault, mailbox: name }, "message cannot be appended");
  return no("Message cannot be stored now, try again later", "UNAVAILABLE");
}
