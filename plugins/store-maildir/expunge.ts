/** EXPUNGE: unlinks exactly the file that carries \Deleted; one that lost the flag meanwhile stays. */
import { unlinkSync } from "node:fs";
import { StoreError } from "postern/plugin";
import { lettersOf } from "./file-name.ts";
import type { Folder, FolderListener } from "./folder.ts";
import { Breather } from "./mutex.ts";

export function expungeMessages(
  folder: Folder,
  uids: readonly number[] | null,
  by: FolderListener,
): Promise<readonly number[]> {
  return folder.mutex.run(async () => {
    await folder.compare(by);
    const removed = new Set<number>();
    const breather = new Breather();
    try {
      await folder.own(async () => {
        const wanted = uids === null ? folder.snapshot : uids.map((uid) => folder.snapshot.find(uid));
        for (const entry of wanted) {
          if (!entry?.flags.has("\\Deleted") || !unlinkDeleted(entry.file)) continue;
          removed.add(entry.uid);
          folder.files.delete(entry.file.base);
          folder.fresh.delete(entry.file);
          folder.uidlist.forget(entry.file.base);
          if (breather.isDue) await breather.pause();
        }
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

function unlinkDeleted(file: { readonly name: string; located<T>(work: (path: string) => T): T }): boolean {
  try {
    return file.located((path) => {
      if (!lettersOf(file.name).includes("T")) return false;
      unlinkSync(path);
      return true;
    });
  } catch (cause) {
    // Somebody else removed it: the next comparison shows it.
    if (cause instanceof StoreError && cause.code === "expunged") return false;
    throw cause;
  }
}
