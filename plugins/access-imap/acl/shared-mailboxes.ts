/** The mailboxes of a login where they can be shared; told by what they can do. */
import type { AccountMailboxes, SharedMailboxes } from "postern/plugin";
import { no, type Reply } from "../reply.ts";

export const isShared = (mailboxes: AccountMailboxes): mailboxes is SharedMailboxes =>
  "namespaces" in mailboxes && "grantable" in mailboxes;

export const notShared: Reply = no("Mailboxes cannot be shared here", "CANNOT");

/** Whether it is in another namespace than one's own (RFC 2342). */
export const isElsewhere = (mailboxes: AccountMailboxes, name: string): boolean =>
  isShared(mailboxes) &&
  [...mailboxes.namespaces.otherUsers, ...mailboxes.namespaces.shared].some((prefix) => name.startsWith(prefix));
