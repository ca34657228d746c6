/**
 * An empty mailbox goes on with the UIDs of another server: under another UIDVALIDITY, so whoever has it open must open it again. One that
 * does so already gives no UID any more that the other server has given.
 */

import { randomBytes } from "node:crypto";
import { closeSync, constants, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { StoreError } from "postern/plugin";
import { flushDirectoryNow } from "./flush.ts";
import type { Folder } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import { headerText, MAX_UID } from "./uidlist-format.ts";
import { raiseUidValidity } from "./uidvalidity.ts";

export interface ForeignUids {
  readonly uidValidity: number;
  readonly uidNext: number;
}

export function takeUids(folder: Folder, { uidValidity, uidNext }: ForeignUids): Promise<boolean> {
  for (const value of [uidValidity, uidNext]) {
    if (!Number.isInteger(value) || value < 1 || value > MAX_UID) throw new StoreError("cannot", "This is no UID");
  }
  return folder.mutex.run(async () => {
    await folder.compare();
    if (folder.uidlist.uidValidity === uidValidity) {
      await withUidLock(folder, async () => {
        await folder.prepareUids();
        await folder.uidlist.raiseNext(uidNext);
      });
      return true;
    }
    if (folder.files.size > 0) return false;
    return withUidLock(folder, () => {
      // Whoever gave UIDs since the comparison has mail here.
      if (folder.uidlist.refresh() !== "unchanged") return false;
      const guid = randomBytes(16).toString("hex");
      const header = { uidValidity, nextUid: uidNext, guid, others: "", version: 3 as const };
      replaceDurably(folder.uidlist.path, headerText(header, uidNext));
      // The same value is not given to a mailbox of this name again.
      raiseUidValidity(folder.root, uidValidity);
      folder.retire();
      return true;
    });
  });
}

function replaceDurably(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  const fd = openSync(temporary, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  flushDirectoryNow(path.slice(0, path.lastIndexOf("/")));
}
