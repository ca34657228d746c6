/** What a login sees of its own mailboxes through `Sharing` keeps every promise of a store, over `store-maildir`. */
import { join } from "node:path";
import { createSharing } from "../../core/sharing/sharing.ts";
import { keptLog } from "../../core/testing/kernel.ts";
import { mailboxStoreConformance } from "../../core/testing/mailbox-store/conformance.ts";
import { storeOnDisk } from "../../core/testing/mailbox-store/store-on-disk.ts";
import { MaildirStore } from "../../plugins/store-maildir/store.ts";

const options = {
  otherUsers: "Other Users",
  shared: "Shared",
  roots: new Map(),
  groups: new Map(),
  mayShareWithAll: false,
};

mailboxStoreConformance(
  "sharing over store-maildir",
  storeOnDisk({
    isIndexed: false,
    make({ home, quotas }) {
      const { log } = keptLog();
      const store = new MaildirStore({
        path: "{home}/Maildir/",
        configDir: "/",
        specialUse: { Sent: "\\Sent", Trash: "\\Trash" },
        maxWatches: 100,
        checkEvery: 1_000,
        ...{ log, clock: Date, notifier: null, quotas },
      });
      const { of } = createSharing({
        ...{ store: () => store, dataDir: join(home, "data"), options, notifier: null, clock: Date, log },
        accounts: { byLogin: async () => ({ at: "unknown" }) },
      });
      return { of, stop: () => store.stop() };
    },
  }),
);
