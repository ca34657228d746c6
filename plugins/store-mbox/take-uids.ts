/** An empty mailbox goes on with the UIDs of another server; one that has its UIDVALIDITY already gives none below its UIDNEXT any more. */
import { fstatSync } from "node:fs";
import type { Folder } from "./folder.ts";
import type { OpenFile } from "./open-file.ts";

export async function takeUids(
  folder: Folder,
  file: OpenFile,
  from: { readonly uidValidity: number; readonly uidNext: number },
): Promise<boolean> {
  const { state } = folder;
  const { fd } = file;
  const isSame = from.uidValidity === state.uidValidity;
  if (!isSame && fstatSync(fd).size > 0) return false;
  const uidNext = isSame ? Math.max(from.uidNext, state.uidNext) : from.uidNext;
  if (isSame) {
    const { holder } = folder;
    const base = { ...folder.base, lastUid: uidNext - 1 };
    const touched = holder ? await folder.alter(file, [holder], (one) => folder.wantedOf(one, { base })) : [];
    await folder.commit(fd, { touched, uidNext }, null);
    return true;
  }
  folder.forgetIndex();
  folder.facts.begin(from.uidValidity, uidNext);
  // Whoever has it open knows it by another UIDVALIDITY.
  folder.retire();
  return true;
}
