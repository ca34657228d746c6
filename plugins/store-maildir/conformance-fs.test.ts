/** The layout `fs` with names in UTF-8 keeps the same contract as Maildir++. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mailboxStoreConformance } from "postern/testing";
import type { MaildirStore } from "./store.ts";
import { storeWith } from "./testing/store-in.ts";

await mailboxStoreConformance("store-maildir, layout fs", async ({ quotas } = {}) => {
  const home = await mkdtemp(join(tmpdir(), "postern-maildir-fs-"));
  const stores: MaildirStore[] = [];
  const make = () => {
    const store = storeWith({
      layout: { kind: "fs", encoding: "utf-8", mark: "" },
      specialUse: { Sent: "\\Sent", Trash: "\\Trash" },
      maxWatches: 100,
      checkEvery: 1_000,
      quotas: quotas ?? null,
    });
    stores.push(store);
    return store;
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
