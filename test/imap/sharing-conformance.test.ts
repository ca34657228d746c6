/** What a login sees of its own mailboxes through `Sharing` keeps every promise of a store, over `store-maildir`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSharing } from "../../core/sharing/sharing.ts";
import { keptLog } from "../../core/testing/kernel.ts";
import { mailboxStoreConformance } from "../../core/testing/mailbox-store/conformance.ts";
import { MaildirStore } from "../../plugins/store-maildir/store.ts";

const options = {
  otherUsers: "Other Users",
  shared: "Shared",
  roots: new Map(),
  groups: new Map(),
  mayShareWithAll: false,
};

mailboxStoreConformance("sharing over store-maildir", async ({ quotas } = {}) => {
  const home = await mkdtemp(join(tmpdir(), "postern-sharing-"));
  const { log } = keptLog();
  const stores: MaildirStore[] = [];
  const make = () => {
    const store = new MaildirStore({
      path: "{home}/Maildir/",
      configDir: "/",
      specialUse: { Sent: "\\Sent", Trash: "\\Trash" },
      maxWatches: 100,
      checkEvery: 1_000,
      ...{ log, clock: Date, notifier: null, quotas: quotas ?? null },
    });
    stores.push(store);
    return createSharing({
      ...{ store: () => store, dataDir: join(home, "data"), options, notifier: null, clock: Date, log },
      accounts: { byLogin: async () => ({ at: "unknown" }) },
    });
  };
  return {
    store: make(),
    home,
    sharesModseqs: false,
    again: async () => make(),
    async stop() {
      for (const store of stores) store.stop();
      await rm(home, { recursive: true });
    },
  };
});
