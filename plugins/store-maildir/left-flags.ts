/**
 * What a process that is gone has left of a change of flags (`flag-journal.ts`) is carried out by whoever compares the mailbox next. Done
 * twice it changes nothing. Where it cannot be done the mailbox is shown as it stands on the disk, and the order waits.
 */
import { StoreError } from "postern/plugin";
import { changeNow, outcomesIn } from "./change-flags.ts";
import type { FlagOrder } from "./flag-journal.ts";
import { canonicalFlags } from "./flags.ts";
import type { Folder } from "./folder.ts";
import { targetName } from "./rename-flags.ts";
import type { Entry, MaildirSnapshot } from "./snapshot.ts";

/** Within the mutex: waits for whoever is at it, or compares and does it. */
export async function withLeftFlags(folder: Folder, compare: () => Promise<MaildirSnapshot>): Promise<MaildirSnapshot> {
  const left = await folder.flagJournal.takeLeft();
  if (!left) return compare();
  let isDone = false;
  try {
    folder.distrust();
    await compare();
    // From the first one on, whatever of them is done already: the last word about each flag is the same.
    for (const order of left.orders) {
      isDone = await carriedOut(folder, order);
      if (!isDone) break;
    }
    return folder.snapshot;
  } finally {
    if (isDone) left.held.done();
    else left.held.leave();
  }
}

async function carriedOut(folder: Folder, { mailboxId, uidValidity, uids, mode, flags }: FlagOrder): Promise<boolean> {
  const { log } = folder.site;
  if (mailboxId !== folder.uidlist.mailboxId || uidValidity !== folder.uidlist.uidValidity) {
    log.warn({ mailbox: folder.path }, "flags that were to be changed are those of another mailbox");
    return true;
  }
  try {
    const outcomes = await outcomesIn(folder, { mode, flags: canonicalFlags(flags) });
    const doomed: Entry[] = [];
    for (const entry of folder.snapshot) {
      const isMeant = uids.some(([first, last]) => entry.uid >= first && entry.uid <= last);
      if (isMeant && targetName(entry.file, outcomes) !== null) doomed.push(entry);
    }
    await changeNow(folder, doomed, outcomes, null);
    log.info({ mailbox: folder.path, messages: doomed.length }, "changed flags that a process had left");
    return true;
  } catch (cause) {
    log.error({ mailbox: folder.path, cause: String(cause) }, "flags that a process had left cannot be changed");
    // Flags that cannot be kept here will never be.
    return cause instanceof StoreError && (cause.code === "cannot" || cause.code === "limit");
  }
}
