/**
 * STORE: a flag is a letter in the file's name, so a change is a rename of exactly the name that was seen. If another
 * program was faster the name is looked up again and the change applied to what stands there now: no flag gets lost. Many messages
 * are renamed behind the answer, see `flags-ahead.ts`.
 */
import type { FlagChange } from "postern/plugin";
import type { Ahead, FolderListener } from "postern/store";
import { changing } from "./changing.ts";
import { type Outcomes, outcomesOf } from "./flag-outcomes.ts";
import { canonicalFlags } from "./flags.ts";
import { changeAhead, changeAlong } from "./flags-ahead.ts";
import type { Folder } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import { renameFlags, targetName } from "./rename-flags.ts";
import { Entry, type MaildirSnapshot } from "./snapshot.ts";

/** Fewer are renamed before the answer: that takes no longer than to write down what is to be done. */
const AHEAD_FROM = 64;

export interface Changed {
  readonly unchanged: readonly number[];
  /** The mailbox with the change in it, where the disk does not have all of it yet. */
  readonly ahead: MaildirSnapshot | null;
}

export function changeFlags(
  folder: Folder,
  uids: readonly number[],
  change: FlagChange,
  by: FolderListener,
): Promise<Changed> {
  const { mode, unchangedSince } = change;
  const flags = canonicalFlags(change.flags);
  // RFC 7162 3.1.3: what others have changed must be known.
  const along = unchangedSince === undefined ? changeAlong(folder, uids, { mode, flags }, by) : null;
  if (along) return Promise.resolve({ unchanged: [], ahead: along });
  return folder.mutex.runAhead(async (): Promise<Ahead<Changed>> => {
    await folder.compare(by);
    const outcomes = await outcomesIn(folder, { mode, flags });
    const { doomed, unchanged } = pick(folder, uids, { outcomes, since: unchangedSince });
    const how = { change: { mode, flags }, outcomes, by };
    const ahead = doomed.length < AHEAD_FROM ? null : await changeAhead(folder, doomed, how);
    if (ahead) return { value: { unchanged, ahead: folder.snapshot }, rest: ahead.rest };
    await changeNow(folder, doomed, outcomes, by);
    return { value: { unchanged, ahead: null }, rest: null };
  });
}

/** Within the mutex: what becomes of messages, with letters for all keywords. */
export async function outcomesIn(folder: Folder, change: Pick<FlagChange, "mode" | "flags">): Promise<Outcomes> {
  const { mode, flags } = change;
  if (mode !== "remove" && folder.keywords.missing(flags).length > 0) {
    await withUidLock(folder, () => folder.keywords.add(flags));
    folder.forgetFlagSets();
  }
  return outcomesOf(folder, change);
}

/** Messages that become different. */
function pick(
  folder: Folder,
  uids: readonly number[],
  { outcomes, since }: { readonly outcomes: Outcomes; readonly since: number | undefined },
): { readonly doomed: readonly Entry[]; readonly unchanged: readonly number[] } {
  const doomed: Entry[] = [];
  const unchanged: number[] = [];
  for (const uid of uids) {
    const entry = folder.snapshot.find(uid);
    if (!entry) continue;
    // RFC 7162 3.1.3
    if (since !== undefined && entry.modseq > since) unchanged.push(uid);
    else if (entry.file.isMoved || targetName(entry.file, outcomes) !== null) doomed.push(entry);
  }
  return { doomed, unchanged };
}

/** Within the mutex. */
export async function changeNow(
  folder: Folder,
  entries: readonly Entry[],
  outcomes: Outcomes,
  by: FolderListener | null,
): Promise<void> {
  const replaced = new Map<number, Entry>();
  const modseq = folder.modseq.next();
  try {
    await changing([folder], entries, ({ file }) => {
      const how = renameFlags(folder, file, outcomes);
      if (how === "renamed" || (how === "same" && file.isMoved)) {
        replaced.set(file.uid, new Entry(file, folder.flagsOf(file.name), modseq));
      }
    });
  } finally {
    // What was renamed before a fault is changed all the same.
    if (replaced.size > 0) {
      folder.publish({ replaced }, by);
      folder.announce();
    }
  }
}
