/**
 * A folder and the index of mailboxes (ADR 12): it begins with what the index knows, takes in what other processes registered, and registers
 * what it has found or done itself. All of it under the mailbox's lock. Where the index is gone, the folder goes on by itself until nobody
 * has it open: what others do it finds in the file then.
 */
import { fstatSync, statSync } from "node:fs";
import type { KnownMessage, Usage } from "postern/plugin";
import { type Cursor, withUnread } from "./cursor.ts";
import type { Folder } from "./folder.ts";
import { FolderIndex, type Registering } from "./folder-index.ts";
import type { Read } from "./mailbox-state.ts";
import { Message } from "./message.ts";
import { isSettled, stampOf } from "./open-file.ts";

const openIndex = ({ site, place, facts }: Folder): Promise<FolderIndex | null> =>
  FolderIndex.open(site, { control: place.control, mailboxId: facts.id, uidValidity: facts.uidValidity });

/** What others registered. Answers whether there is anything to see. */
export async function hearOthers(folder: Folder): Promise<boolean> {
  if (folder.hasLeftIndex) return false;
  const isNew = folder.state.uidValidity === 0;
  if (isNew) folder.index = await openIndex(folder);
  const head = folder.index?.head();
  if (!folder.index) return false;
  if (!head) {
    if (!isNew) folder.leaveIndex();
    return false;
  }
  const { seen } = head;
  if (!seen) {
    // Others may have changed anything, or read the file in another way.
    folder.forgetIndex();
    return false;
  }
  const since = folder.snapshot.highestModseq;
  if (isNew || folder.index.hasMoved(head)) return reload(folder, folder.index);
  const news = head.highestModseq > since ? folder.index.mailbox.news(since) : null;
  if (head.highestModseq > since && !news) return reload(folder, folder.index);
  folder.state.heard(seen.look);
  if (!news) return false;
  const { put, vanished } = news.others;
  const reads = isInPlace(folder, seen, news.others) ? appended(folder, put) : relaid(folder, seen, news.others);
  folder.state.lead = seen.lead;
  if (!reads) return reload(folder, folder.index);
  const { uidNext, highestModseq } = news.head;
  return folder.state.take({ put: reads, gone: vanished, uidNext, highestModseq });
}

/** All there is. */
async function reload(folder: Folder, index: FolderIndex): Promise<boolean> {
  const { state, facts } = folder;
  const seen = index.head()?.seen;
  const reads: Read[] = [];
  let before = seen?.lead?.behind ?? 0;
  let isSound = seen !== undefined && seen !== null;
  const head = await index.mailbox.load((known) => {
    const message = Message.recalled(known, before);
    isSound &&= message !== null;
    if (!message) return;
    before = message.behind;
    reads.push({ message, flags: state.flagsIn(known.flags), modseq: known.modseq });
  });
  if (!head || !seen || !isSound) {
    folder.forgetIndex();
    return false;
  }
  const there = new Set(state.snapshot.size > 0 ? reads.map(({ message }) => message.uid) : []);
  const gone: number[] = [];
  for (const { uid } of state.snapshot) if (!there.has(uid)) gone.push(uid);
  state.uidValidity = facts.uidValidity;
  state.heard(seen.look);
  state.lead = seen.lead;
  index.saw(head);
  return state.take({ put: reads, gone, uidNext: head.uidNext, highestModseq: head.highestModseq });
}

interface Others {
  readonly put: readonly KnownMessage[];
  readonly vanished: readonly number[];
}

/** Whether messages that were known stand where they stood. */
function isInPlace({ state }: Folder, { lead }: Cursor, { put, vanished }: Others): boolean {
  if (vanished.length > 0 || lead?.behind !== state.lead?.behind) return false;
  return put.every((known) => {
    const entry = state.snapshot.find(known.uid);
    return entry ? Message.recalled(known, 0)?.length === entry.message.length : known.uid >= state.uidNext;
  });
}

/** Messages that were changed where they stand, and such that came behind them. */
function appended({ state }: Folder, put: readonly KnownMessage[]): readonly Read[] | null {
  const { snapshot } = state;
  let end = snapshot.size > 0 ? snapshot.at(snapshot.size - 1).message.behind : (state.lead?.behind ?? 0);
  const reads: Read[] = [];
  for (const known of put) {
    const old = snapshot.find(known.uid)?.message;
    const message = Message.recalled(known, old ? state.before(old) : end);
    if (!message) return null;
    if (!old) end = message.behind;
    reads.push({ message, flags: state.flagsIn(known.flags), modseq: known.modseq });
  }
  return reads;
}

/** All messages behind others that went, or became longer. `null`: what is registered makes no sense. */
function relaid({ state }: Folder, { lead }: Cursor, { put, vanished }: Others): readonly Read[] | null {
  const changed = new Map(put.map((known) => [known.uid, known]));
  const gone = new Set(vanished);
  const reads: Read[] = [];
  let oldBefore = state.lead?.behind ?? 0;
  let before = lead?.behind ?? 0;
  for (const { uid, message } of state.snapshot) {
    const gap = message.start - oldBefore;
    oldBefore = message.behind;
    if (gone.has(uid)) continue;
    const known = changed.get(uid);
    changed.delete(uid);
    const now = known ? Message.recalled(known, before) : message;
    if (!now) return null;
    if (known) reads.push({ message: now, flags: state.flagsIn(known.flags), modseq: known.modseq });
    else message.start = before + gap;
    before = now.behind;
  }
  for (const known of changed.values()) {
    const message = Message.recalled(known, before);
    if (!message) return null;
    before = message.behind;
    reads.push({ message, flags: state.flagsIn(known.flags), modseq: known.modseq });
  }
  return reads;
}

/** Registers what the file looks like now, and how it became so. */
export async function register(
  folder: Folder,
  fd: number,
  change: Omit<Registering, "stamp"> & { readonly isFirst: boolean },
): Promise<void> {
  const { state, facts } = folder;
  const seen = fstatSync(fd, { bigint: true });
  const stamp = stampOf(seen);
  state.look = { ...state.look, stamp, isSettled: isSettled(seen), end: Number(seen.size) };
  facts.raiseUids(state.uidNext);
  if (folder.hasLeftIndex) return;
  folder.index ??= await openIndex(folder);
  if (!folder.index) return;
  const isTaken = folder.index.head()
    ? folder.index.commit(state, { ...change, stamp })
    : change.isFirst && (await folder.index.begin(state, stamp));
  if (!isTaken) folder.leaveIndex();
}

/** Mail was put into a mailbox that this process does not know: what it holds can be said without reading it. */
export async function noteUnread(
  folder: Folder,
  fd: number,
  { before, sizeBytes }: { readonly before: string; readonly sizeBytes: number },
): Promise<void> {
  if (!folder.site.isCounted) return;
  folder.facts.read();
  const index = await openIndex(folder);
  const head = index?.head();
  if (!index || !head?.seen) return;
  const { look, unread } = head.seen;
  const known = look.stamp === before ? { sizeBytes: 0, messages: 0 } : unread?.stamp === before ? unread : null;
  if (!known) return;
  const stamp = stampOf(fstatSync(fd, { bigint: true }));
  const now = { stamp, sizeBytes: known.sizeBytes + sizeBytes, messages: known.messages + 1 };
  const { highestModseq, uidNext } = head;
  index.mailbox.commit({
    ...{ since: highestModseq, modseq: highestModseq, put: [], vanished: [], uidNext },
    cursor: withUnread(head.cursor, now),
  });
}

/** The mailbox is deleted. */
export async function forgetIndexed(folder: Folder): Promise<void> {
  folder.facts.read();
  (await openIndex(folder))?.forget();
}

/** What the mailbox holds, where that is known without looking into it. */
export async function knownUsage(folder: Folder): Promise<Usage | null> {
  const { state, facts, path } = folder;
  if (state.uidValidity !== 0 && folder.isCurrent) return { bytes: state.sizeBytes, messages: state.snapshot.size };
  facts.read();
  const head = (await openIndex(folder))?.head();
  const file = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (!head?.seen || !file) return null;
  const { look, unread, sizeBytes } = head.seen;
  const stamp = stampOf(file);
  if (look.stamp === stamp) return { bytes: sizeBytes, messages: head.messages };
  if (unread?.stamp !== stamp) return null;
  return { bytes: sizeBytes + unread.sizeBytes, messages: head.messages + unread.messages };
}
