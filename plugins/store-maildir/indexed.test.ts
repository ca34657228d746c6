/** The same promises with the index of mailboxes, shared by two processes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mailboxStoreConformance, temporaryMailboxIndex } from "postern/testing";
import { MaildirStore } from "./store.ts";
import { quietLog } from "./testing/quiet-log.ts";

await mailboxStoreConformance("store-maildir with an index", async ({ quotas } = {}) => {
  const home = await mkdtemp(join(tmpdir(), "postern-maildir-"));
  const index = await temporaryMailboxIndex();
  const stores: MaildirStore[] = [];
  const make = () => {
    const store = new MaildirStore({
      path: "{home}/Maildir/",
      configDir: "/",
      specialUse: { Sent: "\\Sent", Trash: "\\Trash" },
      maxWatches: 100,
      checkEvery: 1_000,
      log: quietLog,
      clock: { now: () => Date.now() },
      notifier: null,
      index: index.open(),
      quotas: quotas ?? null,
    });
    stores.push(store);
    return store;
  };
  return {
    store: make(),
    home,
    elsewhere: {
      module: new URL("testing/open-store.ts", import.meta.url).href,
      indexDirectory: index.directory,
      config: null,
    },
    again: async () => make(),
    async stop() {
      for (const store of stores) store.stop();
      await index.remove();
      await rm(home, { recursive: true });
    },
  };
});
