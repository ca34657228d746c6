/** What every store over files is given, and what all mailboxes of one share, whatever the files are like. */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { MailboxIndex } from "../contracts/mailbox-index.ts";
import type { Notifier } from "../contracts/notifier.ts";
import type { Quotas } from "../contracts/quota.ts";
import { NameWatcher } from "./name-watcher.ts";
import { DEFAULT_UNIQUE_IDS } from "./unique-ids.ts";
import { MailboxWatcher } from "./watcher.ts";

export interface StoreInFilesOptions {
  /** Where an account's mail is, with placeholders {user}, {domain}, {home}. */
  readonly path: string;
  readonly configDir: string;
  /** Uses that mailboxes have by their names. */
  readonly specialUse: Readonly<Record<string, string>>;
  readonly maxWatches: number;
  /** Milliseconds. */
  readonly checkEvery: number;
  /** Format of POP3's unique-ids; left out, Dovecot's usual one. */
  readonly uniqueIds?: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly notifier: Notifier | null;
  /** Left out: each process finds out everything by itself. */
  readonly index?: MailboxIndex | null;
  /** Left out: nothing limits anybody. */
  readonly quotas?: Quotas | null;
}

/** Made once by a store, handed down. */
export interface SiteInFiles {
  readonly log: Log;
  readonly clock: Clock;
  readonly uniqueIds: string;
  readonly notifier: Notifier | null;
  readonly index: MailboxIndex | null;
  readonly watcher: MailboxWatcher;
  readonly names: NameWatcher;
}

/** `watcher` and `names` are to be stopped with the store. */
export function siteInFiles(options: StoreInFilesOptions): SiteInFiles {
  const { log, clock, notifier, maxWatches, checkEvery: intervalMs, index = null } = options;
  return {
    ...{ log, clock, notifier, index, uniqueIds: options.uniqueIds ?? DEFAULT_UNIQUE_IDS },
    watcher: new MailboxWatcher({ maxWatches, intervalMs, log, notifier }),
    names: new NameWatcher({ maxWatches, log }),
  };
}
