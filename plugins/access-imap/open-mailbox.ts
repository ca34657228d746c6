/** SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2): they differ in one word. */
import type { AccountMailboxes } from "postern/plugin";
import { existingName } from "./mailbox-name.ts";
import { ok, type Reply } from "./reply.ts";
import { type ImapSession, Selected } from "./session.ts";
import { formatListed } from "./sync/listed.ts";
import { resync } from "./sync/resync.ts";
import type { SelectParameters } from "./sync/select-parameters.ts";
import type { View } from "./view.ts";
import { SyntaxFault } from "./wire/syntax-fault.ts";

export async function openMailbox(
  session: ImapSession,
  mailboxes: AccountMailboxes,
  asked: string,
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
  const name = await existingName(mailboxes, asked);
  const mailbox = await mailboxes.open(name, { isReadOnly: how.isReadOnly });
  const selected = new Selected(mailbox, session.enabled);
  selected.fullText = session.services.fullText?.open({ login: session.login, mailboxes }, mailbox);
  selected.onStale = () => session.pusher.hint();
  // RFC 7162 3.1.8
  if (isCondstore || qresync) session.enable("CONDSTORE");
  session.state = { at: "selected", mailboxes, selected };
  const { view } = selected;
  const flags = mailbox.isReadOnly ? "" : settableFlags(selected) + (mailbox.canAddKeywords ? " \\*" : "");
  selected.tellKeywords(out);
  out.line(`* OK [PERMANENTFLAGS (${flags})] ${mailbox.isReadOnly ? "Read-only" : "These are kept"}`);
  selected.tellSize(out);
  const isRev2 = session.enabled.has("IMAP4REV2");
  // RFC 9051 E: UNSEEN is gone.
  const unseen = isRev2 ? 0 : firstUnseen(view);
  if (unseen > 0) out.line(`* OK [UNSEEN ${unseen}] First unseen`);
  out.line(`* OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs are valid`);
  out.line(`* OK [UIDNEXT ${view.snapshot.uidNext}] Next UID`);
  // RFC 8474 4.2
  out.line(`* OK [MAILBOXID (${mailbox.mailboxId})] Stays with it`);
  // RFC 7162 3.1.2.1. Every mailbox of this server keeps modification sequences, so there is no NOMODSEQ (3.1.2.2).
  out.line(`* OK [HIGHESTMODSEQ ${view.snapshot.highestModseq}] Highest`);
  if (isRev2) await tellName(session, mailboxes, { name, asked });
  if (qresync) await resync(session, selected, qresync);
  return mailbox.isReadOnly ? ok("Examine completed", "READ-ONLY") : ok("Select completed", "READ-WRITE");
}

/** RFC 9051 6.3.2: what the mailbox is called, and what the client called it where that is not the same. */
async function tellName(
  session: ImapSession,
  mailboxes: AccountMailboxes,
  { name, asked }: { readonly name: string; readonly asked: string },
): Promise<void> {
  const listing = (await mailboxes.list()).find((other) => other.name === name);
  session.out.line(formatListed(session, { name, listing, oldName: name === asked ? null : asked }));
}

/** RFC 4314 5.2: PERMANENTFLAGS has those that this user may change. */
function settableFlags(selected: Selected): string {
  const { rights } = selected.mailbox;
  if (!rights) return selected.flagList();
  const mayChange = (flag: string) => rights.has(flag === "\\Seen" ? "s" : flag === "\\Deleted" ? "t" : "w");
  return selected.flagList().split(" ").filter(mayChange).join(" ");
}

function firstUnseen(view: View): number {
  const { snapshot } = view;
  for (let index = 0; index < snapshot.size; index++) if (!snapshot.at(index).flags.has("\\Seen")) return index + 1;
  return 0;
}
