/** The `MailboxStore` over mboxes: one site for all accounts of this process. */

import type {
  Account,
  AccountMailboxes,
  Clock,
  Log,
  MailboxIndex,
  MailboxStore,
  Notifier,
  Quotas,
} from "postern/plugin";
import { MailboxWatcher, type MboxQuoting, mailboxPath, NameWatcher, SurveyCache } from "postern/store";
import { MboxAccount } from "./account-mailboxes.ts";
import { entryOf, messageBytes, messageStream, type SurveyedMessage } from "./content.ts";
import { FolderRegistry } from "./folder-registry.ts";
import type { Step } from "./journal.ts";
import type { LockMethod } from "./mailbox-lock.ts";
import type { Site } from "./site.ts";
import { IndexedUsage } from "./usage.ts";

export interface MboxStoreOptions {
  /** Directory of an account's mailboxes, with placeholders {user}, {domain}, {home}. */
  readonly path: string;
  /** File of the INBOX, with the same. */
  readonly inbox: string;
  readonly configDir: string;
  readonly quoting: MboxQuoting;
  /** Format of POP3's unique-ids. */
  readonly uniqueIds: string;
  readonly reuseXUidl: boolean;
  readonly locks: readonly LockMethod[];
  /** Of new files. */
  readonly mode: number;
  readonly specialUse: Readonly<Record<string, string>>;
  readonly maxWatches: number;
  /** Milliseconds. */
  readonly checkEvery: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly notifier: Notifier | null;
  readonly quotas: Quotas | null;
  /** `null`: each process finds out everything by itself. */
  readonly index: MailboxIndex | null;
  /** Told of each step of a rewrite. */
  readonly step?: (step: Step) => void;
}

export class MboxStore implements MailboxStore {
  readonly #options: MboxStoreOptions;
  readonly #site: Site;

  constructor(options: MboxStoreOptions) {
    this.#options = options;
    const { log, clock, notifier, index, quoting, uniqueIds, locks, mode, step } = options;
    this.#site = {
      ...{ log, clock, notifier, index, quoting, uniqueIds, locks, mode },
      reusesXUidl: options.reuseXUidl,
      isCounted: options.quotas !== null,
      folders: new FolderRegistry(),
      surveys: new SurveyCache<SurveyedMessage>({
        key: ({ folder, uid }) => `${folder.mailboxId}/${uid}`,
        internalDate: ({ folder, uid }) => entryOf(folder, uid).internalDate,
        bytes: ({ folder, uid }, limit) => messageBytes(folder, uid, limit),
        stream: ({ folder, uid }) => messageStream(folder, uid, null),
      }),
      watcher: new MailboxWatcher({ maxWatches: options.maxWatches, intervalMs: options.checkEvery, log, notifier }),
      names: new NameWatcher({ maxWatches: options.maxWatches, log }),
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
