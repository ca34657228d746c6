/** A LIST response about one name, where nobody asked with LIST: SELECT of RFC 9051, and news of NOTIFY. */
import type { MailboxListing } from "postern/plugin";
import { attributesOf } from "../list/rows.ts";
import type { ImapSession } from "../session.ts";

interface Listed {
  readonly name: string;
  /** `undefined`: there is no such mailbox. */
  readonly listing: MailboxListing | undefined;
  /** RFC 5465 5.4, RFC 9051 6.3.9.7: what it was called before, or by the client. */
  readonly oldName?: string | null;
}

export function formatListed(session: ImapSession, { name, listing, oldName = null }: Listed): string {
  const attributes = attributesOf(name, listing, { isExtended: true, isSubscribed: listing?.isSubscribed === true });
  const old = oldName === null ? "" : ` ("OLDNAME" (${session.formatName(oldName)}))`;
  return `* LIST (${attributes.join(" ")}) "/" ${session.formatName(name)}${old}`;
}
