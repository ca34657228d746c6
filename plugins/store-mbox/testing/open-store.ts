/** Stores of this plugin as its tests need them, also in processes of their own. */
import type { MailboxStore } from "postern/plugin";
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
      locks: locksHere,
      mode: 0o600,
    },
    ...{ specialUse: {}, maxWatches: 0, checkEvery: 60_000, log: quietLog, clock: Date, notifier: null, quotas: null },
    ...options,
  });

export async function openStore(): Promise<MailboxStore> {
  return storeWith();
}
