/** Names of mailboxes that clients want to make (RFC 3501 5.1.1). Whether a store can have them is for the store to say. */
import { no, type Reply } from "./reply.ts";

const maxNameLength = 1000;
const maxLevels = 50;

/** What is wrong with a name for a new mailbox; `null` if nothing is. */
export function refuseName(name: string): Reply | null {
  const levels = name.split("/");
  if (name.length > maxNameLength || levels.length > maxLevels) return no("Mailbox name is too long", "LIMIT");
  if (/[\0-\x1f\x7f-\x9f\ufffd]/.test(name)) return no("Mailbox name has control characters", "CANNOT");
  // RFC 3501 5.1: wildcards in names make them unlistable.
  if (/[%*]/.test(name)) return no("Mailbox name has wildcards", "CANNOT");
  if (levels.some((level) => level === "" || level === "." || level === ".."))
    return no("Mailbox name has an empty level", "CANNOT");
  return null;
}

/** INBOX in any case, also as the first level of a longer name (RFC 3501 5.1). */
export const canonicalName = (name: string): string => name.replace(/^inbox(?=\/|$)/i, "INBOX");
