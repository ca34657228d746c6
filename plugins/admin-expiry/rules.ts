/** Which messages of a mailbox are past their time. Pure. */
import { mailboxMatcher } from "postern/mail";
import type { MailboxListing, MessageEntry, Snapshot } from "postern/plugin";

export interface RuleOptions {
  /** A pattern of names, or a special use such as `\Trash`. */
  readonly mailbox: string;
  readonly afterMs: number;
  readonly by: "saved" | "received" | "savedOrReceived";
  readonly keepFlagged: boolean;
  readonly keepUnseen: boolean;
  /** So many of the latest stay whatever their age. */
  readonly keepLatest: number;
}

/** Whether one of the rules is about this mailbox; the first that is holds. */
export function ruleFor(rules: readonly RuleOptions[]): (listing: MailboxListing) => RuleOptions | null {
  const matchers = rules.map((rule): readonly [(listing: MailboxListing) => boolean, RuleOptions] => {
    if (rule.mailbox.startsWith("\\")) return [({ specialUse }) => sameUse(specialUse, rule.mailbox), rule];
    const fits = mailboxMatcher(rule.mailbox);
    return [({ name }) => fits(name), rule];
  });
  return (listing) => matchers.find(([fits]) => fits(listing))?.[1] ?? null;
}

const sameUse = (use: string | null, wanted: string): boolean => use?.toLowerCase() === wanted.toLowerCase();

/** When a message began to count; `null`: nobody knows, and it stays. */
function sinceMs({ saveDate, internalDate }: MessageEntry, by: RuleOptions["by"]): number | null {
  if (by === "received") return internalDate;
  return saveDate ?? (by === "saved" ? null : internalDate);
}

export interface Expired {
  readonly uids: readonly number[];
  readonly bytes: number;
  readonly oldest: number;
}

export function expiredIn(snapshot: Snapshot, rule: RuleOptions, nowMs: number): Expired {
  const uids: number[] = [];
  let bytes = 0;
  let oldest = nowMs;
  for (let index = 0; index < snapshot.size - rule.keepLatest; index++) {
    const entry = snapshot.at(index);
    const since = sinceMs(entry, rule.by);
    // What lies in the future, or before there was mail, is no date.
    if (since === null || since <= 0 || nowMs - since < rule.afterMs) continue;
    if (rule.keepFlagged && entry.flags.has("\\Flagged")) continue;
    if (rule.keepUnseen && !entry.flags.has("\\Seen")) continue;
    uids.push(entry.uid);
    bytes += entry.sizeBytes;
    oldest = Math.min(oldest, since);
  }
  return { uids, bytes, oldest };
}
