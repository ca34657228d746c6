/** What a login sees of its own mailboxes through `Sharing` keeps every promise of a store, over each store. */
import { join } from "node:path";
import type { Log } from "../../core/contracts/log.ts";
import { createSharing } from "../../core/sharing/sharing.ts";
import { keptLog } from "../../core/testing/kernel.ts";
import { mailboxStoreConformance } from "../../core/testing/mailbox-store/conformance.ts";
import { type StoreOnDisk, storeOnDisk } from "../../core/testing/mailbox-store/store-on-disk.ts";
import { MaildirStore } from "../../plugins/store-maildir/store.ts";
import { storeWith as mboxStoreWith } from "../../plugins/store-mbox/testing/open-store.ts";

const options = {
  otherUsers: "Other Users",
  shared: "Shared",
  roots: new Map(),
  groups: new Map(),
  mayShareWithAll: false,
};

const common = { specialUse: { Sent: "\\Sent", Trash: "\\Trash" }, maxWatches: 100, checkEvery: 1_000 };

type Given = Parameters<StoreOnDisk["make"]>[0];
type Store = ReturnType<StoreOnDisk["make"]>;

const shared = (name: string, storeIn: (given: Given, log: Log) => Store) =>
  mailboxStoreConformance(
    `sharing over ${name}`,
    storeOnDisk({
      isIndexed: false,
      make(given) {
        const { log } = keptLog();
        const store = storeIn(given, log);
        const { of } = createSharing({
          ...{ store: () => store, dataDir: join(given.home, "data"), options, notifier: null, clock: Date, log },
          accounts: { byLogin: async () => ({ at: "unknown" }) },
        });
        return { of, stop: () => store.stop() };
      },
    }),
  );

await shared(
  "store-maildir",
  ({ quotas }, log) =>
    new MaildirStore({
      ...{ ...common, path: "{home}/Maildir/", configDir: "/", log, clock: Date, notifier: null, quotas },
    }),
);
await shared("store-mbox", ({ quotas }) => mboxStoreWith({ ...common, quotas }));
