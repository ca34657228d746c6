/** The service `Sharing`: puts the mailboxes of a login together. Opens nothing before it is asked. */
import { join } from "node:path";
import type { Accounts } from "../contracts/account.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { MailboxStore } from "../contracts/mailbox-store.ts";
import type { Notifier } from "../contracts/notifier.ts";
import type { Sharing } from "../contracts/sharing.ts";
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
  return {
    async of(account) {
      const mail = await store().of(account);
      const regions = new Regions(account, mail, { store, accounts, grants, options, clock, log });
      return new LoginMailboxes({ regions, acls, readers, mayShareWithAll: options.mayShareWithAll });
    },
  };
}
