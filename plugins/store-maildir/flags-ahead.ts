/**
 * A change of the flags of many messages: written down (`flag-journal.ts`), shown to the session that asked, answered, and carried out behind
 * the answer (`carry-out.ts`). What the same session changes while that goes on is written down behind it, answered on what was shown, and goes
 * along: each file gets its latest name at once. Whoever else asks for anything waits until all is done.
 */
import { join } from "node:path";
import type { FolderListener } from "postern/store";
import { CarryOut, type Promised } from "./carry-out.ts";
import { type FlagOrder, uidRangesOf } from "./flag-journal.ts";
import { inTurn, type Outcomes, outcomesOf } from "./flag-outcomes.ts";
import { hasSameFlags } from "./flags.ts";
import type { Folder } from "./folder.ts";
import { renameFlags, targetName } from "./rename-flags.ts";
import { Entry, type MaildirSnapshot } from "./snapshot.ts";

/** Of a file's name, in octets. */
const MAX_NAME = 255;

type Change = Pick<FlagOrder, "mode" | "flags">;

export interface AheadChange {
  readonly change: Change;
  readonly outcomes: Outcomes;
  readonly by: FolderListener;
}

/**
 * Within the mutex. Answers, when the folder shows the change, what is left to be done, for which the mutex is to be kept; `null` where it has
 * to be done at once, and nothing has been. Rejects where the first message cannot be changed, as the others will not be either.
 */
export async function changeAhead(
  folder: Folder,
  entries: readonly Entry[],
  { change, outcomes, by }: AheadChange,
): Promise<{ readonly rest: Promise<void> } | null> {
  const [first] = entries;
  const promised = promisedTo(folder, entries, () => outcomes);
  if (!first || !promised) return null;
  const orders = await folder.flagJournal.begin(orderOf(folder, change, promised));
  if (!orders) return null;
  try {
    folder.own(() => renameFlags(folder, first.file, outcomes));
  } catch (cause) {
    orders.done();
    throw cause;
  }
  const carryOut = new CarryOut(folder, { orders, promised, by });
  folder.ahead = carryOut;
  const { folders, watcher } = folder.site;
  folders.hold(folder);
  // Two events for each message, that say nothing new. What is delivered meanwhile is seen in new/.
  watcher.pause(folder, join(folder.path, "cur"));
  const rest = carryOut.run().finally(() => {
    watcher.resume(folder, join(folder.path, "cur"));
    folders.release(folder);
  });
  return { rest };
}

/**
 * While a change of the same session is carried out: the mailbox with this one in it, too, written down as well. `null` where it has to wait
 * for its turn. Throws where the mailbox is gone.
 */
export function changeAlong(
  folder: Folder,
  uids: readonly number[],
  change: Change,
  by: FolderListener,
): MaildirSnapshot | null {
  const { ahead, keywords } = folder;
  if (!ahead?.isOpenTo(by)) return null;
  folder.times();
  // Letters for keywords are given out under a lock.
  if (change.mode !== "remove" && keywords.missing(change.flags).length > 0) return null;
  const doomed = doomedAlong(folder, uids, { ahead, outcomes: outcomesOf(folder, change) });
  if (doomed.size === 0) return folder.snapshot;
  const promised = promisedTo(folder, [...doomed.keys()], (entry) => doomed.get(entry));
  if (!promised || !ahead.writesDown(orderOf(folder, change, promised))) return null;
  ahead.promise(promised);
  return folder.snapshot;
}

/** Messages that become different from what the session was told, and what becomes of their files. */
function doomedAlong(
  folder: Folder,
  uids: readonly number[],
  { ahead, outcomes }: { readonly ahead: CarryOut; readonly outcomes: Outcomes },
): ReadonlyMap<Entry, Outcomes> {
  const doomed = new Map<Entry, Outcomes>();
  const behind = new Map<Outcomes, Outcomes>();
  for (const uid of uids) {
    const entry = folder.snapshot.find(uid);
    if (!entry) continue;
    const { file, flags } = entry;
    const earlier = ahead.pending(uid);
    if (earlier) {
      const both = behind.get(earlier) ?? inTurn(earlier, outcomes);
      behind.set(earlier, both);
      if (both(file.name).letters !== earlier(file.name).letters) doomed.set(entry, both);
    } else if (file.isMoved || targetName(file, outcomes) !== null || !hasSameFlags(flags, outcomes(file.name).flags)) {
      doomed.set(entry, outcomes);
    }
  }
  return doomed;
}

/** `null` where it has to be done at once: a name would be too long, or another process is ahead of us. */
function promisedTo(
  folder: Folder,
  doomed: readonly Entry[],
  outcomesFor: (entry: Entry) => Outcomes | undefined,
): Promised | null {
  const modseq = reservedModseq(folder);
  if (modseq === null) return null;
  const promised = { entries: new Map<number, Entry>(), outcomes: new Map<number, Outcomes>(), modseq };
  for (const entry of doomed) {
    const { uid, file } = entry;
    const outcomes = outcomesFor(entry);
    if (!outcomes) continue;
    const { letters, flags } = outcomes(file.name);
    if (file.base.length + 3 + letters.length > MAX_NAME) return null;
    promised.entries.set(uid, new Entry(file, flags, modseq));
    promised.outcomes.set(uid, outcomes);
  }
  return promised;
}

function orderOf({ uidlist }: Folder, { mode, flags }: Change, { entries }: Promised): FlagOrder {
  const { mailboxId, uidValidity } = uidlist;
  return { mode, flags, mailboxId, uidValidity, uids: uidRangesOf([...entries.keys()]) };
}

/** Above all that anybody has registered, below all that anybody will; `null` where somebody is ahead of us. */
function reservedModseq(folder: Folder): number | null {
  const modseq = folder.modseq.next();
  if (!folder.index?.isBegun) return modseq;
  const reserved = folder.index.mailbox.reserve({ since: folder.snapshot.highestModseq, modseq });
  if (reserved !== null) folder.modseq.used(reserved);
  return reserved;
}
