/** The same promises where each process finds out everything by itself. */
import { mailboxStoreConformance, storeOnDisk } from "postern/testing";
import { asConfigured } from "./testing/open-store.ts";

await mailboxStoreConformance(
  "store-mbox without an index",
  storeOnDisk({
    isIndexed: false,
    module: new URL("testing/open-store.ts", import.meta.url),
    make: asConfigured,
  }),
);
