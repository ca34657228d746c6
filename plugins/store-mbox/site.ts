/** What all mailboxes of this store share: made once by the plugin, handed down. */

import type { MboxQuoting, SiteInFiles, SurveyCache } from "postern/store";
import type { SurveyedMessage } from "./content.ts";
import type { FolderRegistry } from "./folder-registry.ts";
import type { Step } from "./journal.ts";
import type { LockMethod } from "./mailbox-lock.ts";

export interface Site extends SiteInFiles {
  /** Whether anybody asks what mailboxes hold. */
  readonly isCounted: boolean;
  readonly folders: FolderRegistry;
  readonly surveys: SurveyCache<SurveyedMessage>;
  readonly quoting: MboxQuoting;
  /** Whether messages that come in with an X-UIDL keep that as their id. */
  readonly reusesXUidl: boolean;
  readonly locks: readonly LockMethod[];
  readonly mode: number;
  /** Told of each step of a rewrite. */
  readonly step?: (step: Step) => void;
}
