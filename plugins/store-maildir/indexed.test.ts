/** The same promises with the index of mailboxes, shared by two processes. */
import { mailboxStoreConformance, storeOnDisk } from "postern/testing";
import { asConfigured } from "./testing/store-in.ts";

await mailboxStoreConformance(
  "store-maildir with an index",
  storeOnDisk({
    isIndexed: true,
    module: new URL("testing/open-store.ts", import.meta.url),
    make: asConfigured,
  }),
);
