/**
 * A folder and the index of mailboxes (ADR 12): it begins with what the index knows, takes in what other processes register, and leaves
 * word of the disk for them. Where the index is gone, the folder goes on by itself until nobody has it open.
 */
import type { IndexHead } from "postern/plugin";
import type { FolderListener } from "postern/store";
import { baseOf, lettersOf } from "./file-name.ts";
import type { Folder } from "./folder.ts";
import { cursorOf, FolderIndex, placeOf, wordsIn } from "./folder-index.ts";
import type { DirectoryTimes } from "./scan.ts";
import { recalled, withOthers } from "./share.ts";
import { Entry, emptySnapshot } from "./snapshot.ts";

/**
 * What the index knows, as a beginning; what has changed since then on the disk is found by the comparison that follows. The list of UIDs has
 * been read. `false`: it knows nothing.
 */
export async function beginWithIndex(folder: Folder): Promise<boolean> {
  const { mailboxId, uidValidity } = folder.uidlist;
  folder.index = await FolderIndex.open(folder.site, { path: folder.path, mailboxId, uidValidity });
  const loaded = await folder.index?.load();
  if (!loaded) return false;
  const { head, messages } = loaded;
  // UIDs stand in the list before they are registered: a list as old as the index would lack what was given while that was read.
  folder.rereadUids();
  folder.modseq.resume(head.highestModseq);
  const lost = new Set<number>();
  const appended: Entry[] = [];
  for (const message of messages) {
    const place = placeOf(message.place);
    const record = place && folder.uidlist.records.get(baseOf(place.name));
    // Another program has given it another UID, or the line is gone.
    if (!place || record?.uid !== message.uid || folder.files.has(record.base)) lost.add(message.uid);
    else {
      const { uid, base, fields } = record;
      appended.push(recalled(folder, { where: place.where, name: place.name, base, uid, fields }, message));
    }
  }
  const { uidNext, highestModseq } = head;
  const nothing = { removed: new Set<number>(), replaced: new Map<number, Entry>() };
  folder.snapshot = folder.snapshot.edited({ ...nothing, appended, uidNext, highestModseq });
  folder.disk.begin();
  const words = JSON.stringify(folder.keywords.names);
  if (lost.size === 0 && wordsIn(head.cursor) === words) trust(folder, head, folder.times());
  else amend(folder, lost, { before: wordsIn(head.cursor), now: words });
  return true;
}

/** What the list of UIDs or of keywords says otherwise than the index. */
function amend(
  folder: Folder,
  removed: ReadonlySet<number>,
  words: { readonly before: string; readonly now: string },
): void {
  const replaced = new Map<number, Entry>();
  if (words.before !== "" && words.before !== words.now) {
    for (const entry of folder.snapshot) {
      if (/[a-z]/.test(lettersOf(entry.file.name))) replaced.set(entry.uid, new Entry(entry.file, entry.flags, 0));
    }
  }
  if (removed.size > 0 || replaced.size > 0) folder.publish({ removed, replaced }, null);
}

/** Goes by a listing of another process, if there is one of the disk as it is. */
function trust(folder: Folder, head: IndexHead, times: DirectoryTimes): void {
  // What a UID was given for and nobody has registered yet is found on the disk only.
  if (folder.uidlist.nextUid > head.uidNext) return;
  if (!folder.index?.vouches(head, cursorOf(folder.path, times, folder.keywords.names))) return;
  folder.disk.vouched(times);
}

/** Takes in what other processes have registered. */
export function hearOthers(folder: Folder, times: DirectoryTimes, by: FolderListener | null): void {
  const head = folder.index?.head();
  const since = folder.snapshot.highestModseq;
  const news = head && head.highestModseq > since ? folder.index?.mailbox.news(since) : null;
  if (!head || head.highestModseq < since || (head.highestModseq > since && !news)) {
    folder.leaveIndex();
    return;
  }
  if (news) {
    const { uidNext, highestModseq } = news.head;
    folder.modseq.used(highestModseq);
    const nothing = { removed: new Set<number>(), replaced: new Map<number, Entry>(), appended: [] };
    folder.show({ ...withOthers(folder, nothing, news.others), uidNext, highestModseq }, by);
  }
  if (folder.disk.isBehind(times)) trust(folder, news?.head ?? head, times);
}

/**
 * After a comparison: tells the index what the disk was like, so that nobody need look again. `false`: another process has
 * registered the mailbox first, and the folder begins anew with what that knows.
 */
export async function leaveWord(folder: Folder): Promise<boolean> {
  const { index, snapshot } = folder;
  if (!index) return true;
  const cursor = folder.disk.cursor(folder.keywords.names);
  if (index.isBegun) {
    if (index.hasNews(cursor)) folder.publish({ isNoted: true }, null);
    return true;
  }
  // Nobody has seen this snapshot yet.
  if (await index.begin(snapshot, { modseq: snapshot.highestModseq, uidNext: snapshot.uidNext, cursor })) return true;
  if (!index.head()) {
    folder.leaveIndex();
    return true;
  }
  folder.files.clear();
  folder.fresh.clear();
  folder.snapshot = emptySnapshot;
  folder.disk.forget();
  return false;
}
