/**
 * One account's quota as its store uses it. A ledger that fails lets mail in, and the log says why: a limit is worth less than a
 * message. Before anything is refused the account is counted anew, though not again and again.
 */
import type { Account } from "../contracts/account.ts";
import type { Log } from "../contracts/log.ts";
import { StoreError } from "../contracts/mailbox-store.ts";
import type { AccountQuota, QuotaLimit, QuotaRule, QuotaState, Usage, UsageLedger } from "../contracts/quota.ts";
import { difference, type FolderQuota, isBeyond, passed, percentOf, stateOf, sum, widened } from "./quota-rule.ts";

export interface QuotaRoom {
  readonly folderRule: (mailbox: string) => FolderQuota;
  readonly softPercent: number | null;
  readonly warnAtPercent: readonly number[];
  /** Whether the account may be counted anew now; remembers that it was. */
  readonly mayRecount: (login: string) => boolean;
  /** Quick; never throws. */
  readonly warn: (account: Account, threshold: number, state: QuotaState) => void;
  readonly log: Log;
}

export class QuotaOfAccount implements AccountQuota {
  readonly hard: QuotaLimit;
  readonly #account: Account;
  readonly #ledger: UsageLedger;
  readonly #room: QuotaRoom;

  constructor(
    about: { account: Account; hard: QuotaLimit; ledger: (rule: QuotaRule) => UsageLedger },
    room: QuotaRoom,
  ) {
    this.hard = about.hard;
    this.#account = about.account;
    this.#room = room;
    this.#ledger = about.ledger(this);
  }

  ignores(mailbox: string): boolean {
    return this.#room.folderRule(mailbox).isIgnored;
  }

  async admit(mailbox: string, added: Usage): Promise<void> {
    const { isIgnored, extra } = this.#room.folderRule(mailbox);
    if (isIgnored || (added.bytes <= 0 && added.messages <= 0)) return;
    const limit = widened(this.hard, extra);
    try {
      const usage = await this.#ledger.read();
      if (!isBeyond(sum(usage, added), limit)) return;
      if (this.#room.mayRecount(this.#account.login) && !isBeyond(sum(await this.#ledger.recount(), added), limit))
        return;
    } catch (err) {
      this.#failed(err);
      return;
    }
    throw new StoreError("overQuota", "The mailbox is full");
  }

  async changed(mailbox: string, change: Usage): Promise<void> {
    if (this.#room.folderRule(mailbox).isIgnored || (change.bytes === 0 && change.messages === 0)) return;
    try {
      await this.#ledger.add(change);
      const isGrowing = change.bytes > 0 || change.messages > 0;
      if (!isGrowing || this.#room.warnAtPercent.length === 0) return;
      const after = await this.#ledger.read();
      const before = percentOf(difference(after, change), this.hard);
      const threshold = passed(before, percentOf(after, this.hard), this.#room.warnAtPercent);
      if (threshold !== null) this.#room.warn(this.#account, threshold, this.#stateWith(after));
    } catch (err) {
      this.#failed(err);
    }
  }

  async state(how: { readonly recount?: boolean } = {}): Promise<QuotaState> {
    return this.#stateWith(await (how.recount ? this.#ledger.recount() : this.#ledger.read()));
  }

  #stateWith(usage: Usage): QuotaState {
    return stateOf(usage, this.hard, this.#room.softPercent);
  }

  #failed(err: unknown): void {
    this.#room.log.warn({ login: this.#account.login, err }, "what the account keeps cannot be counted now");
  }
}
