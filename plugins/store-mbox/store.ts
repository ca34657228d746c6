/** The `MailboxStore` over mboxes: one site for all accounts of this process. */

import type { Account, AccountMailboxes, MailboxStore } from "postern/plugin";
import { type MboxQuoting, mailboxPath, type StoreInFilesOptions, SurveyCache, siteInFiles } from "postern/store";
import { MboxAccount } from "./account-mailboxes.ts";
import { entryOf, messageBytes, messageStream, type SurveyedMessage } from "./content.ts";
import { FolderRegistry } from "./folder-registry.ts";
import type { Step } from "./journal.ts";
import type { LockMethod } from "./mailbox-lock.ts";
import type { Site } from "./site.ts";
import { IndexedUsage } from "./usage.ts";

export interface MboxStoreOptions extends StoreInFilesOptions {
  /** File of the INBOX, with the same placeholders as `path`. */
  readonly inbox: string;
  readonly quoting: MboxQuoting;
  readonly reuseXUidl: boolean;
  readonly locks: readonly LockMethod[];
  /** Of new files. */
  readonly mode: number;
  /** Told of each step of a rewrite. */
  readonly step?: (step: Step) => void;
}

export class MboxStore implements MailboxStore {
  readonly #options: MboxStoreOptions;
  readonly #site: Site;

  constructor(options: MboxStoreOptions) {
    this.#options = options;
    const { quoting, locks, mode, step, quotas = null } = options;
    this.#site = {
      ...siteInFiles(options),
      ...{ quoting, locks, mode, reusesXUidl: options.reuseXUidl, isCounted: quotas !== null },
      folders: new FolderRegistry(),
      surveys: new SurveyCache<SurveyedMessage>({
        key: ({ folder, uid }) => `${folder.mailboxId}/${uid}`,
        internalDate: ({ folder, uid }) => entryOf(folder, uid).internalDate,
        bytes: ({ folder, uid }, limit) => messageBytes(folder, uid, limit),
        stream: ({ folder, uid }) => messageStream(folder, uid, null),
      }),
      ...(step && { step }),
    };
  }

  async of(account: Account): Promise<AccountMailboxes> {
    const { configDir, path, inbox, quotas, specialUse } = this.#options;
    const home = { root: mailboxPath(path, account, configDir), inbox: mailboxPath(inbox, account, configDir) };
    const quota = quotas?.of(account, (rule) => new IndexedUsage(home, this.#site, rule)) ?? null;
    return new MboxAccount(home, this.#site, { usualUses: specialUse, quota });
  }

  stop(): void {
    this.#site.watcher.stop();
    this.#site.names.stop();
  }
}
