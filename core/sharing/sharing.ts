/** The service `Sharing`: puts the mailboxes of a login together. Opens nothing before it is asked. */
import { join } from "node:path";
import type { Account, Accounts } from "../contracts/account.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { MailboxStore } from "../contracts/mailbox-store.ts";
import type { Notifier } from "../contracts/notifier.ts";
import type { SharedMailboxes, Sharing } from "../contracts/sharing.ts";
import { Acls } from "./acls.ts";
import { Grants } from "./grants.ts";
import { ReadersSeen } from "./reader-seen.ts";
import { Regions } from "./regions.ts";
import { LoginMailboxes } from "./shared-mailboxes.ts";
import type { SharingOptions } from "./sharing-options.ts";

export interface SharingParts {
  readonly store: () => MailboxStore;
  readonly accounts: Pick<Accounts, "byLogin">;
  readonly dataDir: string;
  readonly options: SharingOptions;
  readonly notifier: Notifier | null;
  readonly clock: Clock;
  readonly log: Log;
}

export function createSharing({ store, accounts, dataDir, options, notifier, clock, log }: SharingParts): Sharing {
  const grants = new Grants(join(dataDir, "sharing", "grants"), log);
  const acls = new Acls({ grants, groups: options.groups, log });
  const readers = new ReadersSeen(notifier, log);
  /** Sessions of one account share it, as long as the directory has the account. */
  const known = new WeakMap<Account, { readonly from: MailboxStore; readonly mailboxes: SharedMailboxes }>();
  return {
    async of(account) {
      const from = store();
      const before = known.get(account);
      if (before?.from === from) return before.mailboxes;
      const mail = await from.of(account);
      const regions = new Regions(account, mail, { store, accounts, grants, options, clock, log });
      const mailboxes = new LoginMailboxes({ regions, acls, readers, mayShareWithAll: options.mayShareWithAll });
      known.set(account, { from, mailboxes });
      return mailboxes;
    },
  };
}
