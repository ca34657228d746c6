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

/** As the suite of all stores wants it. */
export const asConfigured = (options: Partial<MaildirStoreOptions>): MaildirStore =>
  storeWith({ specialUse: { Sent: "\\Sent", Trash: "\\Trash" }, maxWatches: 100, checkEvery: 1_000, ...options });
