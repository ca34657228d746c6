/**
 * What every mailbox store must do, whatever it keeps mail in: run by the tests of each. `makeStore` is asked once for each
 * area and gives an empty store.
 */
import { describe } from "vitest";
import { annotationTests } from "./annotations.ts";
import { appendTests } from "./append.ts";
import { careTests } from "./care.ts";
import { changeFeedTests } from "./change-feed.ts";
import { changeTests } from "./changes.ts";
import { clientTests } from "./clients.ts";
import { contentTests } from "./content.ts";
import { deliverTests } from "./deliver.ts";
import { expungeTests } from "./expunge.ts";
import { flagTests } from "./flags.ts";
import { hierarchyTests } from "./hierarchy.ts";
import { identityTests } from "./identity.ts";
import { killTests } from "./kills.ts";
import { maildropTests } from "./maildrop.ts";
import { modelTests } from "./model.ts";
import { namesTests } from "./names.ts";
import { noteTests } from "./notes.ts";
import { overviewTests, saveDateTests } from "./overviews.ts";
import { quotaTests } from "./quota.ts";
import { recentTests } from "./recent.ts";
import type { MakeStore } from "./rig.ts";
import { snapshotTests } from "./snapshot.ts";
import { statusTests } from "./status.ts";
import { subscriptionTests } from "./subscriptions.ts";
import { transferTests } from "./transfer.ts";

export type { MakeStore, StoreElsewhere, StoreUnderTest } from "./rig.ts";

export function mailboxStoreConformance(name: string, makeStore: MakeStore): void {
  describe(`mailbox store: ${name}`, () => {
    appendTests(makeStore);
    deliverTests(makeStore);
    contentTests(makeStore);
    flagTests(makeStore);
    expungeTests(makeStore);
    transferTests(makeStore);
    snapshotTests(makeStore);
    changeTests(makeStore);
    changeFeedTests(makeStore);
    overviewTests(makeStore);
    saveDateTests(makeStore);
    annotationTests(makeStore);
    noteTests(makeStore);
    identityTests(makeStore);
    recentTests(makeStore);
    statusTests(makeStore);
    hierarchyTests(makeStore);
    namesTests(makeStore);
    subscriptionTests(makeStore);
    maildropTests(makeStore);
    quotaTests(makeStore);
    careTests(makeStore);
    modelTests(makeStore);
    clientTests(makeStore);
    killTests(makeStore);
  });
}
