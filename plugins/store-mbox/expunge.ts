/** EXPUNGE: messages with \Deleted go; what stands behind them moves up. */
import type { FolderListener } from "postern/store";
import type { Folder } from "./folder.ts";
import type { Message } from "./message.ts";
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
  const gone = new Set(entries.map(({ message }) => message));
  const { holder, base } = folder;
  // What belongs to the mailbox stands in its first message: if that goes, the next one gets it.
  const heir = holder && gone.has(holder) ? heirOf(folder, gone) : null;
  const touched = await folder.alter(file, [...gone, ...(heir ? [heir] : [])], (message) =>
    gone.has(message) ? null : folder.wantedOf(message, { base }),
  );
  const uids = [...gone].map(({ uid }) => uid).sort((a, b) => a - b);
  await folder.commit(file.fd, { gone: uids, touched }, by);
  return uids;
}

function heirOf({ snapshot }: Folder, gone: ReadonlySet<Message>): Message | null {
  for (const { message } of snapshot) if (!gone.has(message)) return message;
  return null;
}
