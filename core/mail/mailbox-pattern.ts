/** Patterns of mailbox names as LIST has them (RFC 3501 6.3.8): `*` is anything, `%` anything but the separator; INBOX in any case. Pure. */

export type MailboxMatcher = (mailbox: string) => boolean;

export function mailboxMatcher(pattern: string): MailboxMatcher {
  const canonical = canonicalInbox(pattern);
  if (!/[*%]/.test(canonical)) return (mailbox) => canonicalInbox(mailbox) === canonical;
  // A run of wildcards means what its strongest one does: fewer of them, and less to try.
  const source = canonical
    .replace(/[*%]{2,}/g, (run) => (run.includes("*") ? "*" : "%"))
    .replace(/[.+?^${}()|[\]\\/]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("%", "[^/]*");
  const expression = new RegExp(`^${source}$`, "su");
  return (mailbox) => expression.test(canonicalInbox(mailbox));
}

const canonicalInbox = (name: string): string => name.replace(/^inbox(?=\/|$)/i, "INBOX");
