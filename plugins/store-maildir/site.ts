/** What all mailboxes of this store share: made once by the plugin, handed down. */

import type { Clock, Log, MailboxIndex, Notifier } from "postern/plugin";
import type { MailboxWatcher, NameWatcher, PreparedLocks, SurveyCache } from "postern/store";
import type { Flush } from "./flush.ts";
import type { FolderRegistry } from "./folder-registry.ts";
import type { MessageFile } from "./message-file.ts";

export interface Site {
  readonly log: Log;
  readonly clock: Clock;
  /** Host part of file names. */
  readonly host: string;
  /** Format of POP3's unique-ids. */
  readonly uniqueIds: string;
  readonly notifier: Notifier | null;
  readonly index: MailboxIndex | null;
  readonly folders: FolderRegistry;
  readonly flush: Flush;
  readonly locks: PreparedLocks;
  readonly surveys: SurveyCache<MessageFile>;
  readonly watcher: MailboxWatcher;
  readonly names: NameWatcher;
  /** What is not done by then is left for the next process. */
  readonly stopped: AbortSignal;
}
