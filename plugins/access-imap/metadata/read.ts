/** Annotations as clients see them (RFC 5464): those that are kept, and those that follow from something else. Rejects as the store does. */
import type { AccountMailboxes, SpecialUse } from "postern/plugin";
import type { Services } from "../session.ts";

/** RFC 6154 4: tied to the special use of the mailbox. */
export const specialUseEntry = "/private/specialuse";

export interface AnnotatedMailbox {
  readonly name: string;
  readonly specialUse: SpecialUse | null;
}

/** Ascending by their names. */
export async function allMailboxEntries(
  mailboxes: AccountMailboxes,
  { name, specialUse }: AnnotatedMailbox,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = new Map<string, Uint8Array>(await mailboxes.annotations(name));
  entries.delete(specialUseEntry);
  if (specialUse !== null) entries.set(specialUseEntry, Buffer.from(specialUse));
  return entries;
}

/** These of a mailbox; `null` for what is not set. */
export async function mailboxEntries(
  mailboxes: AccountMailboxes,
  mailbox: AnnotatedMailbox,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array | null>> {
  const all = await allMailboxEntries(mailboxes, mailbox);
  return new Map(wanted.map((entry) => [entry, all.get(entry) ?? null]));
}

/** Entries of the server: its own, which the configuration says, and those of the account. */
export async function allServerEntries(
  mailboxes: AccountMailboxes,
  { options, facts }: Pick<Services, "options" | "facts">,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = new Map<string, Uint8Array>(await mailboxes.annotations(null));
  // RFC 5464 3.2.1.1: /shared/comment, and /shared/admin, which is a URI.
  if (options.serverComment !== "") entries.set("/shared/comment", Buffer.from(options.serverComment, "utf8"));
  const admin = options.serverAdmin === "" ? `mailto:${facts.postmaster}` : options.serverAdmin;
  entries.set("/shared/admin", Buffer.from(admin, "utf8"));
  return entries;
}

export async function specialUseOf(mailboxes: AccountMailboxes, name: string): Promise<SpecialUse | null> {
  return (await mailboxes.list()).find((listing) => listing.name === name)?.specialUse ?? null;
}
