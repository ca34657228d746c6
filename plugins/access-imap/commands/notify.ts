/** NOTIFY (RFC 5465): what the server tells of by itself, in which mailboxes. */
import { type EventGroups, parseEventGroups, supportedEvents } from "../notify/event-groups.ts";
import { NotificationOverflow, Notify, none } from "../notify/notify.ts";
import { no, ok, type Reply } from "../reply.ts";
import type { ImapSession, WithMailboxes } from "../session.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

/** `null`: NONE. */
type Arguments = { readonly isStatusWanted: boolean; readonly groups: EventGroups } | null;

async function set(
  { session, mailboxes }: WithMailboxes & { readonly session: ImapSession },
  { isStatusWanted, groups }: NonNullable<Arguments>,
): Promise<Reply> {
  // RFC 5465 3.1: all of them are refused, with those that would be taken.
  if (groups.isUnsupported) return no("Some of the events are not known", `BADEVENT (${supportedEvents})`);
  const notify = new Notify(session, mailboxes, groups);
  try {
    const lines = await notify.begin({ isStatusWanted });
    await session.notify?.close();
    session.notify = notify;
    for (const line of lines) session.out.line(line);
    return ok("Notify completed");
  } catch (fault) {
    if (!(fault instanceof NotificationOverflow)) throw fault;
    return no("Too many mailboxes", "NOTIFICATIONOVERFLOW");
  }
}

export const notify = defineCommand({
  validIn: "authenticated",
  // RFC 5465 3.1: SET implies a NOOP.
  syncs: true,
  parse(parser): Arguments {
    parser.space();
    if (parser.takeWord("NONE")) {
      parser.end();
      return null;
    }
    if (!parser.takeWord("SET")) throw new SyntaxFault("Expected SET or NONE");
    const isStatusWanted = parser.takeWord(" STATUS");
    return { isStatusWanted, groups: parseEventGroups(parser) };
  },
  async run({ session, mailboxes }, args: Arguments) {
    if (args) return set({ session, mailboxes }, args);
    await session.notify?.close();
    session.notify = none(session, mailboxes);
    return ok("Notify completed");
  },
});
