/**
 * How a mailbox that nobody has opened comes to its list of UIDs: from Courier, or from what lies in it. The list is written whole, and flushed
 * behind the answer. After a power cut it is there, or parts of it, or nothing: then messages get UIDs above all that were given, or the
 * mailbox another UIDVALIDITY. No client finds another message under a UID that it knows.
 */
import { sortedByTime } from "./file-name.ts";
import type { Folder } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import { importCourier } from "./import-courier.ts";
import { type Scan, scanFolder } from "./scan.ts";
import { nextUidValidity } from "./uidvalidity.ts";

/** Reads the list, or makes it; then answers the listing that it was made of. */
export async function beginUids(folder: Folder): Promise<Scan | null> {
  const { uidlist } = folder;
  if (uidlist.refresh() !== "missing") return null;
  return withUidLock(folder, async () => {
    if (uidlist.refresh() !== "missing" || (await importCourier(folder))) return null;
    const listing = await scanFolder(folder);
    await makeUids(folder, sortedByTime([...listing.unknown.keys()]));
    return listing;
  });
}

/** Under the lock. Gives UIDs in the order of `bases`; not on disk yet. */
export function makeUids({ uidlist, root, site }: Folder, bases: readonly string[]): Promise<void> {
  const records = bases.map((base, index) => ({ uid: index + 1, base, fields: "" }));
  return uidlist.create(nextUidValidity(root, site.clock.now()), { nextUid: 1, records });
}

/** Nobody waits: see above. What could not be flushed is written anew with the next UIDs. */
export function settleUids({ uidlist, site, label }: Folder): void {
  uidlist.settle().catch((cause: unknown) => {
    site.log.warn({ mailbox: label, cause: String(cause) }, "the list of UIDs could not be flushed");
  });
}
