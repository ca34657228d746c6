/** Untagged responses about what others did (RFC 3501 5.2, 7), before a command ends or while the client idles. */
import { Fetch } from "./fetch/fetch.ts";
import type { FetchItem } from "./fetch/fetch-item.ts";
import { BrokenLiteral } from "./fetch/literal.ts";
import { isStoreError } from "./reply.ts";
import type { ImapSession, Selected } from "./session.ts";

interface How {
  readonly syncs: boolean;
  readonly mayExpunge: boolean;
  /** The client asks for news, so it gets all there is; else, with NOTIFY, only what it asked for before (RFC 5465 3.1). */
  readonly isAsked: boolean;
}

/** Rejects never: a mailbox that cannot be looked at now is looked at again later; one that is gone ends the session. */
export function tellNews(session: ImapSession, selected: Selected, how: How): void | Promise<void> {
  if (how.syncs || selected.isStale) return syncAndTell(session, selected, how);
  return tell(session, selected, how);
}

async function syncAndTell(session: ImapSession, selected: Selected, how: How): Promise<void> {
  try {
    await selected.sync();
  } catch (fault) {
    if (isStoreError(fault, "nonexistent")) {
      // RFC 3501 has no way back from a selected mailbox but the end (RFC 2180 3.3).
      session.bye("Selected mailbox was deleted");
      return;
    }
    session.log.warn({ err: fault, mailbox: selected.mailbox.name }, "mailbox cannot be synchronised now");
  }
  await tell(session, selected, how);
}

/** RFC 5267 4.3.2: searches that are followed lose what is expunged before, and get what is new after the client hears of it. */
function tell(session: ImapSession, selected: Selected, how: How): void | Promise<void> {
  const { contexts } = selected;
  const { notify } = session;
  const events = notify?.selected?.events;
  const isAll = notify === null || how.isAsked;
  const messages = isAll || events?.messages === true;
  const mayExpunge = how.mayExpunge && messages;
  if (mayExpunge && !contexts.isEmpty) contexts.tellGone(session, selected);
  selected.alwaysTellsUid = notify?.selected !== undefined && notify.selected !== null;
  const arrived = selected.tell(session.out, { mayExpunge, messages, flags: isAll || events?.flags === true });
  const told = contexts.isEmpty ? undefined : contexts.tellChanges(session, selected);
  if (arrived === 0 || !events || events.items.length === 0) return told;
  // RFC 5465 5.2: behind ESEARCH.
  return Promise.resolve(told).then(() => tellArrived(session, selected, { arrived, items: events.items }));
}

/** RFC 5465 5.2: what the client wants to know of new messages, but for those that it put there itself. */
async function tellArrived(
  session: ImapSession,
  selected: Selected,
  { arrived, items }: { readonly arrived: number; readonly items: readonly FetchItem[] },
): Promise<void> {
  const { view, ours } = selected;
  const numbers: [number, number][] = [];
  for (let number = view.exists - arrived + 1; number <= view.exists; number++)
    if (!ours.delete(view.entry(number).uid) && !view.isGhost(number)) numbers.push([number, number]);
  if (numbers.length === 0) return;
  try {
    await new Fetch(session, selected, items).run(numbers);
  } catch (fault) {
    if (fault instanceof BrokenLiteral) session.breakOff();
    else if (!session.connection.closed.aborted)
      session.log.warn({ err: fault, mailbox: selected.mailbox.name }, "new messages cannot be told of in detail");
  }
}
