/** Stores of this plugin as its tests need them, also in processes of their own. */
import type { MailboxIndex, MailboxStore } from "postern/plugin";
import { DEFAULT_UNIQUE_IDS } from "postern/store";
import { MboxStore, type MboxStoreOptions } from "../store.ts";
import { locksHere } from "./locks-here.ts";
import { quietLog } from "./quiet-log.ts";

export const storeWith = (options: Partial<MboxStoreOptions> = {}): MboxStore =>
  new MboxStore({
    ...{
      path: "{home}/mail/",
      inbox: "{home}/inbox",
      configDir: "/",
      quoting: "mboxrd",
      uniqueIds: DEFAULT_UNIQUE_IDS,
      reuseXUidl: false,
      locks: locksHere,
      mode: 0o600,
    },
    ...{
      specialUse: {},
      maxWatches: 0,
      checkEvery: 60_000,
      log: quietLog,
      clock: Date,
      notifier: null,
      quotas: null,
      index: null,
    },
    ...options,
  });

/** As the suite of all stores wants it. */
export const asConfigured = (options: Partial<MboxStoreOptions>): MboxStore =>
  storeWith({ specialUse: { Sent: "\\Sent", Trash: "\\Trash" }, maxWatches: 100, checkEvery: 1_000, ...options });

export const openStore = async (_: unknown, index: MailboxIndex | null): Promise<MailboxStore> => storeWith({ index });
