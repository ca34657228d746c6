import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mailboxStoreConformance } from "postern/testing";
import type { MboxStore } from "./store.ts";
import { storeWith } from "./testing/open-store.ts";

await mailboxStoreConformance("store-mbox", async ({ quotas } = {}) => {
  const home = await mkdtemp(join(tmpdir(), "postern-mbox-"));
  const stores: MboxStore[] = [];
  const make = () => {
    const store = storeWith({
      ...{ specialUse: { Sent: "\\Sent", Trash: "\\Trash" }, maxWatches: 100, checkEvery: 1_000 },
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
