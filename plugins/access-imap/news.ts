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
  selected.tell(session.out, how.mayExpunge);
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
  selected.tell(session.out, mayExpunge);
}
