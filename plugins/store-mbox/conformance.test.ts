import { mailboxStoreConformance, storeOnDisk } from "postern/testing";
import { asConfigured } from "./testing/open-store.ts";

await mailboxStoreConformance(
  "store-mbox",
  storeOnDisk({
    isIndexed: true,
    module: new URL("testing/open-store.ts", import.meta.url),
    make: asConfigured,
  }),
);
