/** The service `Quotas`: limits by the key `quota` of the config and by the directory, warnings into the account's INBOX. */
import type { Account } from "../contracts/account.ts";
import type { Clock } from "../contracts/clock.ts";
import type { KeyValue } from "../contracts/key-value.ts";
import type { Log } from "../contracts/log.ts";
import type { MailboxStore } from "../contracts/mailbox-store.ts";
import type { QuotaState, Quotas } from "../contracts/quota.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import { QuotaOfAccount, type QuotaRoom } from "./account-quota.ts";
import { folderRules, limitOf, type QuotaOptions } from "./quota-rule.ts";
import { warningMail } from "./warning-mail.ts";

export interface QuotasDeps {
  readonly options: QuotaOptions;
  readonly log: Log;
  readonly clock: Clock;
  /** `null`: nobody is warned (commands). */
  readonly warnings: {
    readonly facts: ServerFacts;
    readonly keyValue: () => KeyValue;
    readonly mailboxes: () => MailboxStore;
  } | null;
}

/** A full account gets mail all the time: counting it anew for each would cost more than the mail. */
const RECOUNT_AFTER_MS = 15 * 60_000;
const MAX_REMEMBERED = 10_000;

export function createQuotas({ options, log, clock, warnings }: QuotasDeps): Quotas {
  const recounted = new Map<string, number>();
  const room: QuotaRoom = {
    folderRule: folderRules(options.folders),
    softPercent: options.softPercent,
    warnAtPercent: warnings === null ? [] : options.warnAtPercent,
    log,
    mayRecount(login) {
      const nowMs = clock.now();
      const lastMs = recounted.get(login);
      if (lastMs !== undefined && nowMs - lastMs < RECOUNT_AFTER_MS) return false;
      recounted.delete(login);
      recounted.set(login, nowMs);
      const [oldest] = recounted.keys();
      if (recounted.size > MAX_REMEMBERED && oldest !== undefined) recounted.delete(oldest);
      return true;
    },
    warn(account, threshold, state) {
      if (warnings === null) return;
      warn({ account, threshold, state }, { options, log, clock, ...warnings }).catch((err: unknown) =>
        log.warn({ login: account.login, err }, "a warning about the quota could not be left"),
      );
    },
  };
  return {
    whenFull: options.whenFull,
    of(account, ledger) {
      const hard = limitOf(account, options.usual);
      return hard && new QuotaOfAccount({ account, hard, ledger }, room);
    },
  };
}

interface WarningRoom extends NonNullable<QuotasDeps["warnings"]> {
  readonly options: QuotaOptions;
  readonly log: Log;
  readonly clock: Clock;
}

async function warn(
  about: { readonly account: Account; readonly threshold: number; readonly state: QuotaState },
  { options, log, clock, facts, keyValue, mailboxes }: WarningRoom,
): Promise<void> {
  const { account, threshold } = about;
  const nowMs = clock.now();
  let isFirst = false;
  const space = keyValue().space<true>("quota-warnings");
  await space.update(`${account.login} ${threshold}`, (held) => {
    isFirst = held === null;
    return held === null ? { value: true, expiresAtMs: nowMs + options.warnAgainAfterMs } : null;
  });
  if (!isFirst) return;
  const mail = await mailboxes().of(account);
  await mail.deliver("INBOX", { content: [warningMail(about, { facts, options, nowMs })], isBeyondQuota: true });
  log.info({ login: account.login, percent: threshold }, "warned about the quota");
}
