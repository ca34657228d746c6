import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mailboxStoreConformance } from "postern/testing";
import { MboxStore } from "./store.ts";
import { locksHere } from "./testing/locks-here.ts";
import { quietLog } from "./testing/quiet-log.ts";

await mailboxStoreConformance("store-mbox", async ({ quotas } = {}) => {
  const home = await mkdtemp(join(tmpdir(), "postern-mbox-"));
  const stores: MboxStore[] = [];
  const make = () => {
    const store = new MboxStore({
      path: "{home}/mail/",
      inbox: "{home}/inbox",
      configDir: "/",
      quoting: "mboxrd",
      locks: locksHere,
      mode: 0o600,
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
    again: async () => make(),
    async stop() {
      for (const store of stores) store.stop();
      await rm(home, { recursive: true });
    },
  };
});
