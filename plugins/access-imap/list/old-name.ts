/**
 * RFC 9051 6.3.9.7: a client that used a name which is not normalised is told what the mailbox is called. Only clients that have enabled
 * IMAP4rev2 know this response (RFC 5258 3: no extended data for others).
 */
import type { ImapSession } from "../session.ts";

export function tellOldName(
  session: ImapSession,
  { name, oldName, attributes = "" }: { readonly name: string; readonly oldName: string; readonly attributes?: string },
): void {
  if (name === oldName || !session.enabled.has("IMAP4REV2")) return;
  session.out.line(
    `* LIST (${attributes}) "/" ${session.formatName(name)} ("OLDNAME" (${session.formatName(oldName)}))`,
  );
}
