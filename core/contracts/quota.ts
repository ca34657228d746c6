/**
 * What accounts may keep. The operator's limits and those of the directory become one rule for each account; stores count, ask
 * before they take anything in, and say what changed. Core provides it; a plugin may do so instead.
 */
import type { Account } from "./account.ts";
import { defineService } from "./service.ts";

/** Octets as the store counts them, and messages. */
export interface Usage {
  readonly bytes: number;
  readonly messages: number;
}

/** `null`: as many as there may be. */
export interface QuotaLimit {
  readonly bytes: number | null;
  readonly messages: number | null;
}

export interface QuotaState {
  readonly usage: Usage;
  /** Beyond it nothing is taken in. */
  readonly hard: QuotaLimit;
  /** Beyond it the account is warned and flagged. */
  readonly soft: QuotaLimit;
  readonly isOverSoft: boolean;
  /** Nothing more is taken in, not even a small message. */
  readonly isFull: boolean;
}

/**
 * A store's count of one account, in whatever way is cheap there (Maildir: `maildirsize`). Folders that the rule ignores are not in
 * it. May be a little wrong after a crash or between processes; `recount` puts it right.
 */
export interface UsageLedger {
  /** Lists nothing as a rule; counts everything where nothing is known. */
  read(): Usage | Promise<Usage>;
  /** Negative where messages went. */
  add(change: Usage): void | Promise<void>;
  recount(): Promise<Usage>;
}

/** What a ledger has to know. */
export interface QuotaRule {
  readonly hard: QuotaLimit;
  /** Not counted, and never full. */
  ignores(mailbox: string): boolean;
}

/** One account's quota as its store uses it. Where the ledger cannot be used, mail is taken in: the log says why. */
export interface AccountQuota extends QuotaRule {
  /** Throws `overQuota` where `added` would lead beyond the hard limit of this mailbox. */
  admit(mailbox: string, added: Usage): Promise<void>;
  /** Behind a change that is on disk. Warns the account when it goes beyond a threshold. Never rejects. */
  changed(mailbox: string, change: Usage): Promise<void>;
  state(how?: { readonly recount?: boolean }): Promise<QuotaState>;
}

export interface Quotas {
  /** `null`: nothing limits this account, and its store need not count. */
  of(account: Account, ledger: (rule: QuotaRule) => UsageLedger): AccountQuota | null;
  /** What happens to mail on its way in for an account that is full: tried again until it expires, or given back. */
  readonly whenFull: "defer" | "refuse";
}
export const Quotas = defineService<Quotas>("postern/quotas@1");
