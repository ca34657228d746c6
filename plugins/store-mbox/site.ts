/** What all mailboxes of this store share: made once by the plugin, handed down. */

import type { Clock, Log, MailboxIndex, Notifier } from "postern/plugin";
import type { MailboxWatcher, MboxQuoting, NameWatcher, SurveyCache } from "postern/store";
import type { SurveyedMessage } from "./content.ts";
import type { FolderRegistry } from "./folder-registry.ts";
import type { Step } from "./journal.ts";
import type { LockMethod } from "./mailbox-lock.ts";

export interface Site {
  readonly log: Log;
  readonly clock: Clock;
  readonly notifier: Notifier | null;
  readonly index: MailboxIndex | null;
  /** Whether anybody asks what mailboxes hold. */
  readonly isCounted: boolean;
  readonly folders: FolderRegistry;
  readonly surveys: SurveyCache<SurveyedMessage>;
  readonly watcher: MailboxWatcher;
  readonly names: NameWatcher;
  readonly quoting: MboxQuoting;
  /** Format of POP3's unique-ids. */
  readonly uniqueIds: string;
  /** Whether messages that come in with an X-UIDL keep that as their id. */
  readonly reusesXUidl: boolean;
  readonly locks: readonly LockMethod[];
  readonly mode: number;
  /** Told of each step of a rewrite. */
  readonly step?: (step: Step) => void;
}
