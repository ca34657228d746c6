/** Takes over a mailbox from Courier, under its lock: its keywords, then its UIDs, then a note that it was done. */
import { courierKeywords, courierUids, noteImported, takeKeywords } from "./courier.ts";
import { damageReport } from "./damaged.ts";
import type { Folder } from "./folder.ts";
import { nextUidValidity, raiseUidValidity } from "./uidvalidity.ts";

/** Answers whether the mailbox has a list of UIDs now. */
export async function importCourier(folder: Folder): Promise<boolean> {
  const { path, root, site, keywords, uidlist } = folder;
  const report = damageReport(site.log, path);
  const uids = courierUids(path, report);
  if (!uids) return false;
  const left = takeKeywords(path, keywords, courierKeywords(path, report));
  if (left.length > 0) {
    site.log.warn(
      { mailbox: path, keywords: left.slice(0, 20), count: left.length },
      "keywords for which there are no letters",
    );
  }
  const uidValidity = uids.uidValidity ?? nextUidValidity(root, site.clock.now());
  // A mailbox that is made later must not get the same one.
  raiseUidValidity(root, uidValidity);
  await uidlist.create(uidValidity, uids);
  await uidlist.settle();
  noteImported(path);
  site.log.info({ mailbox: path, uids: uids.records.length }, "taken over from Courier");
  return true;
}
