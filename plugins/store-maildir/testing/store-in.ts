/** Stores of this plugin as its tests need them: as the configuration would make them, without watches. */
import { MaildirStore, type MaildirStoreOptions } from "../store.ts";
import { quietLog } from "./quiet-log.ts";

export const storeWith = (options: Partial<MaildirStoreOptions> = {}): MaildirStore =>
  new MaildirStore({
    path: "{home}/Maildir/",
    configDir: "/",
    specialUse: {},
    maxWatches: 0,
    checkEvery: 60_000,
    log: quietLog,
    clock: Date,
    notifier: null,
    ...options,
  });
