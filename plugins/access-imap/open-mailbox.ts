/** SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2): they differ in one word. */
import type { AccountMailboxes } from "postern/plugin";
import { ok, type Reply } from "./reply.ts";
import { type ImapSession, Selected } from "./session.ts";
import { resync } from "./sync/resync.ts";
import type { SelectParameters } from "./sync/select-parameters.ts";
import type { View } from "./view.ts";
import { SyntaxFault } from "./wire/syntax-fault.ts";

export async function openMailbox(
  session: ImapSession,
  mailboxes: AccountMailboxes,
  name: string,
  how: { readonly isReadOnly: boolean; readonly parameters: SelectParameters },
): Promise<Reply> {
  const { out } = session;
  const { isCondstore, qresync } = how.parameters;
  // RFC 7162 3.2.5
  if (qresync && !session.enabled.has("QRESYNC")) throw new SyntaxFault("QRESYNC is not enabled");
  if (session.state.at === "selected") {
    // RFC 3501 6.3.1: a SELECT that fails leaves no mailbox selected. RFC 7162 3.2.11: what follows is about another one.
    await session.unselect();
    out.line("* OK [CLOSED] Previous mailbox is closed");
  }
  const mailbox = await mailboxes.open(name, { isReadOnly: how.isReadOnly });
  const selected = new Selected(mailbox, session.enabled);
  // RFC 7162 3.1.8
  if (isCondstore || qresync) session.enable("CONDSTORE");
  session.state = { at: "selected", mailboxes, selected };
  const { view } = selected;
  const flags = mailbox.isReadOnly ? "" : selected.flagList() + (mailbox.canAddKeywords ? " \\*" : "");
  selected.tellKeywords(out);
  out.line(`* OK [PERMANENTFLAGS (${flags})] ${mailbox.isReadOnly ? "Read-only" : "These are kept"}`);
  selected.tellSize(out);
  const unseen = firstUnseen(view);
  if (unseen > 0) out.line(`* OK [UNSEEN ${unseen}] First unseen`);
  out.line(`* OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs are valid`);
  out.line(`* OK [UIDNEXT ${view.snapshot.uidNext}] Next UID`);
  // RFC 7162 3.1.2.1. Every mailbox of this server keeps modification sequences, so there is no NOMODSEQ (3.1.2.2).
  out.line(`* OK [HIGHESTMODSEQ ${view.snapshot.highestModseq}] Highest`);
  if (qresync) await resync(session, selected, qresync);
  return mailbox.isReadOnly ? ok("Examine completed", "READ-ONLY") : ok("Select completed", "READ-WRITE");
}

function firstUnseen(view: View): number {
  const { snapshot } = view;
  for (let index = 0; index < snapshot.size; index++) if (!snapshot.at(index).flags.has("\\Seen")) return index + 1;
  return 0;
}
