/** What one account may keep: the operator's usual limits, what its directory says, and the rules of folders. Pure. */
import type { Account } from "../contracts/account.ts";
import type { QuotaLimit, QuotaState, Usage } from "../contracts/quota.ts";
import { type MailboxMatcher, mailboxMatcher } from "../mail/mailbox-pattern.ts";

export interface FolderQuota {
  /** Not counted, and never full. */
  readonly isIgnored: boolean;
  /** May lie here beyond the account's limit. */
  readonly extra: Usage;
}

export interface QuotaOptions {
  /** Of accounts that have none of their own. */
  readonly usual: QuotaLimit;
  /** `null`: there is no soft limit. */
  readonly softPercent: number | null;
  /** By pattern of mailbox names; the first that fits holds. */
  readonly folders: ReadonlyMap<string, FolderQuota>;
  /** Ascending. */
  readonly warnAtPercent: readonly number[];
  readonly warnAgainAfterMs: number;
  readonly warningSubject: string;
  readonly warningText: string;
  readonly whenFull: "defer" | "refuse";
}

const NOTHING: FolderQuota = { isIgnored: false, extra: { bytes: 0, messages: 0 } };

/** Answers which rule a folder has. */
export function folderRules(folders: QuotaOptions["folders"]): (mailbox: string) => FolderQuota {
  const rules: (readonly [MailboxMatcher, FolderQuota])[] = [...folders].map(([name, rule]) => [
    mailboxMatcher(name),
    rule,
  ]);
  if (rules.length === 0) return () => NOTHING;
  return (mailbox) => rules.find(([fits]) => fits(mailbox))?.[1] ?? NOTHING;
}

/** `null`: nothing limits the account. */
export function limitOf(account: Account, usual: QuotaLimit): QuotaLimit | null {
  const limit = {
    bytes: meant(account.quotaBytes ?? usual.bytes),
    messages: meant(account.quotaMessages ?? usual.messages),
  };
  return limit.bytes === null && limit.messages === null ? null : limit;
}

/** As in Dovecot, 0 is no limit. */
const meant = (limit: number | null): number | null => (limit === 0 ? null : limit);

export const isBeyond = (usage: Usage, limit: QuotaLimit): boolean =>
  (limit.bytes !== null && usage.bytes > limit.bytes) || (limit.messages !== null && usage.messages > limit.messages);

const isReached = (usage: Usage, limit: QuotaLimit): boolean =>
  (limit.bytes !== null && usage.bytes >= limit.bytes) || (limit.messages !== null && usage.messages >= limit.messages);

export const sum = (a: Usage, b: Usage): Usage => ({ bytes: a.bytes + b.bytes, messages: a.messages + b.messages });

export const difference = (a: Usage, b: Usage): Usage => ({
  bytes: a.bytes - b.bytes,
  messages: a.messages - b.messages,
});

export const widened = (limit: QuotaLimit, extra: Usage): QuotaLimit => ({
  bytes: limit.bytes === null ? null : limit.bytes + extra.bytes,
  messages: limit.messages === null ? null : limit.messages + extra.messages,
});

export function stateOf(usage: Usage, hard: QuotaLimit, softPercent: number | null): QuotaState {
  const share = (limit: number | null) =>
    limit === null || softPercent === null ? null : Math.floor((limit * softPercent) / 100);
  const soft = { bytes: share(hard.bytes), messages: share(hard.messages) };
  return { usage, hard, soft, isOverSoft: isBeyond(usage, soft), isFull: isReached(usage, hard) };
}

/** By what is nearer to its limit, octets or messages. */
export function percentOf(usage: Usage, limit: QuotaLimit): number {
  const share = (used: number, of: number | null) => (of === null ? 0 : (used * 100) / of);
  return Math.max(share(usage.bytes, limit.bytes), share(usage.messages, limit.messages));
}

/** The highest threshold that was passed on the way up, `null` if none was. */
export function passed(before: number, after: number, thresholds: readonly number[]): number | null {
  return thresholds.findLast((threshold) => before < threshold && after >= threshold) ?? null;
}
