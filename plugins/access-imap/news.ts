/** Untagged responses about what others did (RFC 3501 5.2, 7), before a command ends or while the client idles. */
import { isStoreError } from "./reply.ts";
import type { ImapSession, Selected } from "./session.ts";

/** Rejects never: a mailbox that cannot be looked at now is looked at again later; one that is gone ends the session. */
export function tellNews(
  session: ImapSession,
  selected: Selected,
  how: { readonly syncs: boolean; readonly mayExpunge: boolean },
): void | Promise<void> {
  if (how.syncs || selected.isStale) return syncAndTell(session, selected, how.mayExpunge);
  return tell(session, selected, how.mayExpunge);
}

async function syncAndTell(session: ImapSession, selected: Selected, mayExpunge: boolean): Promise<void> {
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
  await tell(session, selected, mayExpunge);
}

/** RFC 5267 4.3.2: searches that are followed lose what is expunged before, and get what is new after the client hears of it. */
function tell(session: ImapSession, selected: Selected, mayExpunge: boolean): void | Promise<void> {
  const { contexts } = selected;
  if (mayExpunge && !contexts.isEmpty) contexts.tellGone(session, selected);
  selected.tell(session.out, mayExpunge);
  if (!contexts.isEmpty) return contexts.tellChanges(session, selected);
}
