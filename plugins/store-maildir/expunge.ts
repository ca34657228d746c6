/** EXPUNGE: unlinks exactly the file that carries \Deleted; one that lost the flag meanwhile stays. */
import { unlinkSync } from "node:fs";
import { StoreError } from "postern/plugin";
import type { FolderListener } from "postern/store";
import { changing } from "./changing.ts";
import { lettersOf } from "./file-name.ts";
import type { Folder } from "./folder.ts";
import type { MessageFile } from "./message-file.ts";

export function expungeMessages(
  folder: Folder,
  uids: readonly number[] | null,
  by: FolderListener,
): Promise<readonly number[]> {
  return folder.mutex.run(async () => {
    await folder.compare(by);
    const removed = new Set<number>();
    try {
      const wanted = uids === null ? folder.snapshot : uids.map((uid) => folder.snapshot.find(uid));
      await changing([folder], wanted, (entry) => {
        if (!entry?.flags.has("\\Deleted") || !unlinkDeleted(folder, entry.file)) return;
        removed.add(entry.uid);
        folder.files.delete(entry.file.base);
        folder.fresh.delete(entry.file);
        folder.uidlist.forget(entry.file.base);
      });
    } finally {
      if (removed.size > 0) {
        folder.publish({ removed }, by);
        folder.announce();
      }
    }
    return [...removed].sort((a, b) => a - b);
  });
}

function unlinkDeleted(folder: Folder, file: MessageFile): boolean {
  try {
    return file.located((path) => {
      if (!lettersOf(file.name).includes("T")) return false;
      unlinkSync(path);
      return true;
    });
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== "expunged") throw cause;
    // Somebody else removed it: the next comparison shows it.
    folder.distrust();
    return false;
  }
}
