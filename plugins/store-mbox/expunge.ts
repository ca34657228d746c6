/** EXPUNGE: messages with \Deleted go; what stands behind them moves up. */
import type { Alteration } from "./alter.ts";
import type { Folder, FolderListener } from "./folder.ts";
import type { OpenFile } from "./open-file.ts";
import type { Entry } from "./snapshot.ts";

export function expungeMessages(
  folder: Folder,
  uids: readonly number[] | null,
  by: FolderListener,
): Promise<{ readonly uids: readonly number[]; readonly sizes: readonly number[] }> {
  return folder.use(
    "exclusive",
    async (file) => {
      const wanted = uids === null ? [...folder.snapshot] : [...new Set(uids)].map((uid) => folder.snapshot.find(uid));
      const candidates = wanted.filter((entry) => entry !== null);
      await folder.verify(
        file,
        candidates.filter(({ flags }) => flags.has("\\Deleted")).map(({ message }) => message),
      );
      // What is there now: another program may have taken the flag back.
      const doomed = candidates
        .map(({ uid }) => folder.snapshot.find(uid))
        .filter((entry) => entry?.flags.has("\\Deleted") === true)
        .filter((entry) => entry !== null);
      const sizes = doomed.map(({ sizeBytes }) => sizeBytes);
      return { uids: doomed.length > 0 ? await removeMessages(folder, file, { entries: doomed, by }) : [], sizes };
    },
    by,
  );
}

/** For whoever has the mailbox locked. */
export async function removeMessages(
  folder: Folder,
  file: OpenFile,
  { entries, by }: { readonly entries: readonly Entry[]; readonly by: FolderListener },
): Promise<readonly number[]> {
  const gone = new Set(entries.map(({ uid }) => uid));
  const alterations: Alteration[] = entries.map(({ message }) => ({ message, wanted: null }));
  // What belongs to the mailbox stands in its first message: if that goes, the next one gets it.
  const { holder, base } = folder;
  if (holder && gone.has(holder.uid) && !folder.state.lead) {
    for (const { uid, message } of folder.snapshot) {
      if (gone.has(uid)) continue;
      alterations.push({ message, wanted: folder.wantedOf(message, { base }) });
      break;
    }
  }
  const { moved, reshaped } = await folder.alter(file, alterations);
  const uids = [...gone].sort((a, b) => a - b);
  const touched = alterations.filter(({ wanted }) => wanted !== null).map(({ message }) => message.uid);
  const put = folder.rowsOf([...reshaped.map(({ uid }) => uid), ...touched]);
  folder.commit(file.fd, { gone: uids, moved, put }, { modseq: folder.nextModseq() }, by);
  return uids;
}
