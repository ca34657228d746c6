/**
 * The suite that every mailbox store passes, for a test file of vitest: `await mailboxStoreConformance(...)` at its top level.
 * It is brought in only when it is asked for: authors of other plugins need neither vitest nor fast-check.
 */
import type { MakeStore } from "./mailbox-store/conformance.ts";

export type { MakeStore, StoreElsewhere, StoreUnderTest } from "./mailbox-store/conformance.ts";
export { OtherProcess, type Said, type Work, type WorkOrder } from "./mailbox-store/other-process.ts";
export { type StoreOnDisk, storeOnDisk } from "./mailbox-store/store-on-disk.ts";

export async function mailboxStoreConformance(name: string, makeStore: MakeStore): Promise<void> {
  const suite = await import("./mailbox-store/conformance.ts");
  suite.mailboxStoreConformance(name, makeStore);
}
