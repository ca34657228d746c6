/**
 * Names of mailboxes (RFC 3501 5.1.1, RFC 9051 5.1): which ones clients may make, and what is meant by those that they send. Whether a
 * store can have them is for the store to say.
 */
import type { AccountMailboxes } from "postern/plugin";
import { no, type Reply } from "./reply.ts";

const maxNameLength = 1000;
const maxLevels = 50;

/** What is wrong with a name for a new mailbox; `null` if nothing is. */
export function refuseName(name: string): Reply | null {
  const levels = name.split("/");
  if (name.length > maxNameLength || levels.length > maxLevels) return no("Mailbox name is too long", "LIMIT");
  // RFC 9051 5.1: no control characters, no line and paragraph separators. Nor what stands for no character.
  if (/[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd]|\p{Noncharacter_Code_Point}|\p{Cs}/u.test(name))
    return no("Mailbox name has control characters", "CANNOT");
  // RFC 3501 5.1: wildcards in names make them unlistable.
  if (/[%*]/.test(name)) return no("Mailbox name has wildcards", "CANNOT");
  if (levels.some((level) => level === "" || level === "." || level === ".."))
    return no("Mailbox name has an empty level", "CANNOT");
  return null;
}

/** Whether there may be mailboxes below it. */
export const mayHaveChildren = (name: string): boolean => name.split("/").length < maxLevels;

/** INBOX in any case, also as the first level of a longer name (RFC 3501 5.1). */
export const canonicalName = (name: string): string => name.replace(/^inbox(?=\/|$)/i, "INBOX");

/** As a new mailbox is called: Net-Unicode, which is NFC (RFC 9051 5.1). */
export const normalizedName = (name: string): string => canonicalName(name.normalize("NFC"));

/**
 * The mailbox that a name means. One that is not normalised means what is called just so (other servers have made such mailboxes), else
 * the normalised name (RFC 9051 5.1).
 */
export function existingName(mailboxes: AccountMailboxes, name: string): string | Promise<string> {
  const normalized = normalizedName(name);
  if (normalized === name) return name;
  return mailboxes.list().then((all) => (all.some((listing) => listing.name === name) ? name : normalized));
}
