/** What all mailboxes of this store share: made once by the plugin, handed down. */

import type { Clock, Log, Notifier } from "postern/plugin";
import type { MailboxWatcher, SurveyCache } from "postern/store";
import type { SurveyedMessage } from "./content.ts";
import type { FolderRegistry } from "./folder-registry.ts";
import type { Step } from "./journal.ts";
import type { LockMethod } from "./mailbox-lock.ts";
import type { Quoting } from "./scan.ts";

export interface Site {
  readonly log: Log;
  readonly clock: Clock;
  readonly notifier: Notifier | null;
  readonly folders: FolderRegistry;
  readonly surveys: SurveyCache<SurveyedMessage>;
  readonly watcher: MailboxWatcher;
  readonly quoting: Quoting;
  readonly locks: readonly LockMethod[];
  readonly mode: number;
  /** Told of each step of a rewrite. */
  readonly step?: (step: Step) => void;
}
