import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mailboxStoreConformance } from "postern/testing";
import { MaildirStore } from "./store.ts";
import { quietLog } from "./testing/quiet-log.ts";

await mailboxStoreConformance("store-maildir", async ({ quotas } = {}) => {
  const home = await mkdtemp(join(tmpdir(), "postern-maildir-"));
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
      quotas: quotas ?? null,
    });
    stores.push(store);
    return store;
  };
  return {
    store: make(),
    home,
    sharesModseqs: false,
    elsewhere: {
      module: new URL("testing/open-store.ts", import.meta.url).href,
      indexDirectory: null,
      config: null,
    },
    again: async () => make(),
    async stop() {
      for (const store of stores) store.stop();
      await rm(home, { recursive: true });
    },
  };
});
