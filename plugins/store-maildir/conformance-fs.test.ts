/** The layout `fs` with names in UTF-8 keeps the same contract as Maildir++. */
import { mailboxStoreConformance, storeOnDisk } from "postern/testing";
import { asConfigured } from "./testing/store-in.ts";

await mailboxStoreConformance(
  "store-maildir, layout fs",
  storeOnDisk({
    isIndexed: false,
    make: (how) => asConfigured({ ...how, layout: { kind: "fs", encoding: "utf-8", mark: "" } }),
  }),
);
