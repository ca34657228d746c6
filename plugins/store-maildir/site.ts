/** What all mailboxes of this store share: made once by the plugin, handed down. */

import type { PreparedLocks, SiteInFiles, SurveyCache } from "postern/store";
import type { Flush } from "./flush.ts";
import type { FolderRegistry } from "./folder-registry.ts";
import type { MessageFile } from "./message-file.ts";

export interface Site extends SiteInFiles {
  /** Host part of file names. */
  readonly host: string;
  readonly folders: FolderRegistry;
  readonly flush: Flush;
  readonly locks: PreparedLocks;
  readonly surveys: SurveyCache<MessageFile>;
  /** What is not done by then is left for the next process. */
  readonly stopped: AbortSignal;
}
