/** What all mailboxes of this store share: made once by the plugin, handed down. */
import type { Clock, Log, Notifier } from "postern/plugin";
import type { Flush } from "./flush.ts";
import type { FolderRegistry } from "./folder-registry.ts";
import type { StructureCache } from "./structure-cache.ts";
import type { Watcher } from "./watcher.ts";

export interface Site {
  readonly log: Log;
  readonly clock: Clock;
  /** Host part of file names. */
  readonly host: string;
  readonly notifier: Notifier | null;
  readonly folders: FolderRegistry;
  readonly flush: Flush;
  readonly structures: StructureCache;
  readonly watcher: Watcher;
}
