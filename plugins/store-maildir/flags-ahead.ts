/**
 * A change of the flags of many messages: written down (`flag-journal.ts`), shown to the session that asked, answered, and then carried
 * out, some milliseconds at a time, while the mailbox is taken; last, the index and the other sessions hear of it. Who is killed in
 * between leaves the order to whoever looks at the mailbox next. What cannot be carried out after all is told as the change it is, and
 * tried again later.
 */
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FolderListener } from "postern/store";
import { changing } from "./changing.ts";
import { type FlagOrder, type HeldOrder, uidRangesOf } from "./flag-journal.ts";
import type { Outcomes } from "./flag-outcomes.ts";
import { hasSameFlags } from "./flags.ts";
import type { Folder } from "./folder.ts";
import type { MessageFile } from "./message-file.ts";
import { renameFlags } from "./rename-flags.ts";
import { Entry } from "./snapshot.ts";

export interface AheadChange {
  readonly order: Pick<FlagOrder, "mode" | "flags">;
  readonly outcomes: Outcomes;
  readonly by: FolderListener;
}

/** Other commands of this process wait for no more of it at a time: it competes with its own answer, too. */
const SLICE_MS = 2;
/** Of a file's name, in octets. */
const MAX_NAME = 255;

/**
 * Within the mutex. Answers, when the folder shows the change, what is left to be done, for which the mutex is to be kept; `null` where it has
 * to be done at once, and nothing has been. Rejects where the first message cannot be changed, as the others will not be either.
 */
export async function changeAhead(
  folder: Folder,
  entries: readonly Entry[],
  { order, outcomes, by }: AheadChange,
): Promise<{ readonly rest: Promise<void> } | null> {
  const [first] = entries;
  const isPossible = ({ file }: Entry) => file.base.length + 3 + outcomes(file.name).letters.length <= MAX_NAME;
  const modseq = entries.every(isPossible) ? reservedModseq(folder) : null;
  if (!first || modseq === null) return null;
  const { mailboxId, uidValidity } = folder.uidlist;
  const uids = uidRangesOf(entries.map(({ uid }) => uid));
  const held = await folder.flagJournal.begin({ ...order, mailboxId, uidValidity, uids });
  if (!held) return null;
  const promised = new Map<number, Entry>();
  try {
    for (const entry of entries) {
      promised.set(entry.uid, new Entry(entry.file, outcomes(entry.file.name).flags, modseq));
    }
    folder.own(() => renameFlags(folder, first.file, outcomes));
  } catch (cause) {
    held.done();
    throw cause;
  }
  folder.promise(promised, modseq);
  const { folders, watcher } = folder.site;
  folders.hold(folder);
  // Two events for each message, that say nothing new. What is delivered meanwhile is seen in new/.
  watcher.pause(folder, join(folder.path, "cur"));
  const rest = carryOut(folder, promised, { held, outcomes, by, modseq }).finally(() => {
    watcher.resume(folder, join(folder.path, "cur"));
    folders.release(folder);
  });
  return { rest };
}

/** Above all that anybody has registered, below all that anybody will; `null` where somebody is ahead of us. */
function reservedModseq(folder: Folder): number | null {
  const modseq = folder.modseq.next();
  if (!folder.index?.isBegun) return modseq;
  const reserved = folder.index.mailbox.reserve({ since: folder.snapshot.highestModseq, modseq });
  if (reserved !== null) folder.modseq.used(reserved);
  return reserved;
}

/** Never rejects: the answer is given. */
async function carryOut(
  folder: Folder,
  promised: ReadonlyMap<number, Entry>,
  { held, outcomes, by, modseq }: Omit<AheadChange, "order"> & { readonly held: HeldOrder; readonly modseq: number },
): Promise<void> {
  const replaced = new Map<number, Entry>();
  /** What became something else than was said. */
  const others: MessageFile[] = [];
  let isWhole = false;
  try {
    // The answer goes first.
    await nextTurn();
    await changing(
      [folder],
      promised.values(),
      (entry) => {
        folder.site.stopped.throwIfAborted();
        const { file, flags } = entry;
        if (renameFlags(folder, file, outcomes) === "gone") return;
        if (hasSameFlags(folder.flagsOf(file.name), flags)) replaced.set(file.uid, entry);
        else others.push(file);
      },
      SLICE_MS,
    );
    isWhole = true;
  } catch (cause) {
    if (!folder.site.stopped.aborted) {
      folder.site.log.error({ mailbox: folder.path, cause: String(cause) }, "flags cannot be written now");
      for (const { uid, file } of promised.values()) if (!replaced.has(uid)) others.push(file);
    }
  }
  try {
    if (!folder.isGone) tell(folder, { replaced, others }, { by, modseq });
  } catch (cause) {
    isWhole = false;
    folder.site.log.error({ mailbox: folder.path, err: cause }, "changed flags cannot be shown");
  }
  if (isWhole) held.done();
  else held.leave();
}

function tell(
  folder: Folder,
  { replaced, others }: { readonly replaced: ReadonlyMap<number, Entry>; readonly others: readonly MessageFile[] },
  { by, modseq }: { readonly by: FolderListener; readonly modseq: number },
): void {
  folder.publish({ replaced, modseq }, by);
  const [uid] = replaced.keys();
  // Another process has registered something meanwhile: they stand behind that now.
  if (uid !== undefined && folder.snapshot.find(uid)?.modseq !== modseq) folder.emit(null);
  const later = folder.modseq.next();
  const changed = others.map((file) => [file.uid, new Entry(file, folder.flagsOf(file.name), later)] as const);
  if (changed.length > 0) folder.publish({ replaced: new Map(changed) }, null);
  // So many renames take so long that others' changes easily stand behind them unseen.
  folder.distrust();
  folder.announce();
}
