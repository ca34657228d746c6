/** The `MailboxStore` over Maildirs: one site for all accounts of this process. */

import type { Account, AccountMailboxes, MailboxStore } from "postern/plugin";
import { mailboxPath, PreparedLocks, type StoreInFilesOptions, SurveyCache, siteInFiles } from "postern/store";
import { MaildirAccount } from "./account-mailboxes.ts";
import { borrowedBytes, messageStream } from "./content.ts";
import { hostPart } from "./file-name.ts";
import { Flush, type SyncFileSystem } from "./flush.ts";
import { DEFAULT_LAYOUT, type Layout } from "./folder-name.ts";
import { FolderRegistry } from "./folder-registry.ts";
import { MailboxTree } from "./mailbox-tree.ts";
import { MaildirSize } from "./maildirsize.ts";
import type { MessageFile } from "./message-file.ts";
import type { Site } from "./site.ts";

export interface MaildirStoreOptions extends StoreInFilesOptions {
  /** Left out: Maildir++, names in modified UTF-7. */
  readonly layout?: Layout;
  /** Flushes a file system at once; left out, each file is flushed by itself. */
  readonly syncFileSystem?: SyncFileSystem;
}

export class MaildirStore implements MailboxStore {
  readonly #options: MaildirStoreOptions;
  readonly #site: Site;
  readonly #stopping = new AbortController();
  /** Sessions of one account share what it has, as long as the directory has the account. */
  readonly #known = new WeakMap<Account, AccountMailboxes>();

  constructor(options: MaildirStoreOptions) {
    this.#options = options;
    this.#site = {
      ...siteInFiles(options),
      host: hostPart(),
      folders: new FolderRegistry(),
      flush: new Flush(options.syncFileSystem),
      locks: new PreparedLocks(),
      surveys: new SurveyCache<MessageFile>({
        key: (file) => `${file.directory}/${file.base}`,
        internalDate: (file) => file.internalDate,
        bytes: borrowedBytes,
        stream: (file) => messageStream(file, null),
      }),
      stopped: this.#stopping.signal,
    };
  }

  async of(account: Account): Promise<AccountMailboxes> {
    const known = this.#known.get(account);
    if (known) return known;
    const root = mailboxPath(this.#options.path, account, this.#options.configDir);
    const tree = new MailboxTree(root, this.#options.layout ?? DEFAULT_LAYOUT);
    const quota = this.#options.quotas?.of(account, (rule) => new MaildirSize(tree, rule)) ?? null;
    const mailboxes = new MaildirAccount(tree, this.#site, { usualUses: this.#options.specialUse, quota });
    this.#known.set(account, mailboxes);
    return mailboxes;
  }

  stop(): void {
    this.#stopping.abort();
    this.#site.watcher.stop();
    this.#site.names.stop();
    this.#site.locks.close();
  }
}
