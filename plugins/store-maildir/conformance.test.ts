import { mailboxStoreConformance, storeOnDisk } from "postern/testing";
import { asConfigured } from "./testing/store-in.ts";

await mailboxStoreConformance(
  "store-maildir",
  storeOnDisk({
    isIndexed: false,
    module: new URL("testing/open-store.ts", import.meta.url),
    make: asConfigured,
  }),
);
