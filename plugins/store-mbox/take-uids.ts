/** An empty mailbox goes on with the UIDs of another server; one that has its UIDVALIDITY already gives none below its UIDNEXT any more. */
import { fstatSync } from "node:fs";
import type { Folder } from "./folder.ts";
import type { OpenFile } from "./open-file.ts";

export function takeUids(
  folder: Folder,
  { fd }: OpenFile,
  from: { readonly uidValidity: number; readonly uidNext: number },
): boolean {
  const { state } = folder;
  const isSame = from.uidValidity === state.uidValidity;
  if (!isSame && fstatSync(fd).size > 0) return false;
  const uidNext = isSame ? Math.max(from.uidNext, state.uidNext) : from.uidNext;
  if (!isSame) {
    state.uidValidity = from.uidValidity;
    folder.facts.begin(from.uidValidity, uidNext);
    folder.distrust();
  }
  folder.commit(fd, {}, { uidNext, modseq: folder.nextModseq() }, null);
  // Whoever has it open knows it by another UIDVALIDITY.
  if (!isSame) folder.retire();
  return true;
}
