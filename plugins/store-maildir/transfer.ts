/**
 * COPY and MOVE. A copy is a second link to the same bytes, or a flushed copy where the file system has no links; a move is
 * a rename. All or nothing: on a fault everything is put back. After a crash in the middle of a move every message is in one of the
 * two mailboxes, after one in the middle of a copy some copies may be missing.
 */

import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { type CopyResult, StoreError } from "postern/plugin";
import { attempt, entriesToTransfer, errnoOf, type FolderListener, type ToTransfer } from "postern/store";
import { placeWithUids } from "./append.ts";
import { sizesIn, uniqueName, withSizes } from "./file-name.ts";
import type { Folder } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import type { MessageFile } from "./message-file.ts";
import type { Entry } from "./snapshot.ts";

export interface Transfer extends ToTransfer<Entry> {
  readonly from: Folder;
  readonly to: Folder;
}

/** A new base name that keeps the sizes. */
function baseFor(to: Folder, { base }: MessageFile): string {
  const name = uniqueName(to.site.clock.now(), to.site.host);
  const { diskBytes, sizeBytes } = sizesIn(base);
  return diskBytes !== null && sizeBytes !== null ? withSizes(name, diskBytes, sizeBytes) : name;
}

async function place(
  to: Folder,
  entries: readonly Entry[],
  how: { readonly put: (file: MessageFile, path: string) => () => void; readonly others: readonly Folder[] },
): Promise<CopyResult> {
  if (entries.length === 0) {
    await to.compare();
    return { uidValidity: to.uidlist.uidValidity, uids: [] };
  }
  const put = (index: number, path: string) => {
    const entry = entries[index];
    if (!entry) throw new RangeError("no such message");
    return how.put(entry.file, path);
  };
  const bases = entries.map(({ file }) => baseFor(to, file));
  const flags = entries.map((entry) => [...entry.flags]);
  const { uidValidity, uids } = await withUidLock(to, () =>
    placeWithUids(to, { bases, flags, put, others: how.others }),
  );
  return { uidValidity, uids: entries.map(({ uid }, index) => ({ from: uid, to: uids[index] ?? 0 })) };
}

export function copyMessages(transfer: Transfer): Promise<CopyResult> {
  const put = (file: MessageFile, path: string) => {
    file.located((from) => linkOrCopy(from, path));
    return () => unlinkSync(path);
  };
  return transfer.to.mutex.run(() => place(transfer.to, entriesToTransfer(transfer), { put, others: [] }));
}

function linkOrCopy(from: string, to: string): void {
  if (lstatSync(from).isSymbolicLink()) throw new StoreError("noPermission", "This is no message");
  try {
    linkSync(from, to);
  } catch (cause) {
    if (!["EXDEV", "EMLINK", "EPERM", "ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(cause))) throw cause;
    copyBytes(from, to);
  }
}

/** Through `tmp/`, so that nobody sees half of it. */
function copyBytes(from: string, to: string): void {
  const { atime, mtime } = lstatSync(from);
  const temporary = join(to, "..", "..", "tmp", `${uniqueName(Date.now(), "copy")}`);
  try {
    copyFileSync(from, temporary, constants.COPYFILE_EXCL);
    utimesSync(temporary, atime, mtime);
    const fd = openSync(temporary, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, to);
  } catch (cause) {
    attempt(() => unlinkSync(temporary));
    throw cause;
  }
}

export function moveMessages(transfer: Transfer, by: FolderListener): Promise<CopyResult> {
  const { from, to } = transfer;
  return both(from, to, async () => {
    await from.compare(by);
    const entries = entriesToTransfer(transfer);
    const copied: string[] = [];
    const put = (file: MessageFile, path: string) => {
      const isRenamed = file.located((old) => renameOrCopy(old, path));
      if (!isRenamed) copied.push(file.path);
      return () => (isRenamed ? renameSync(path, file.path) : unlinkSync(path));
    };
    const moved = await place(to, entries, { put, others: from === to ? [] : [from] });
    for (const path of copied) attempt(() => unlinkSync(path));
    for (const { file } of entries) {
      from.files.delete(file.base);
      from.fresh.delete(file);
      from.uidlist.forget(file.base);
    }
    from.publish({ removed: new Set(entries.map(({ uid }) => uid)) }, by);
    from.announce();
    return moved;
  });
}

function renameOrCopy(from: string, to: string): boolean {
  if (lstatSync(from).isSymbolicLink()) throw new StoreError("noPermission", "This is no message");
  try {
    renameSync(from, to);
    return true;
  } catch (cause) {
    if (errnoOf(cause) !== "EXDEV") throw cause;
    copyBytes(from, to);
    return false;
  }
}

/** Takes both mailboxes in an order that everybody keeps: two moves against each other do not wait for ever. */
function both<T>(a: Folder, b: Folder, work: () => Promise<T>): Promise<T> {
  if (a === b) return a.mutex.run(work);
  const [first, second] = a.path < b.path ? [a, b] : [b, a];
  return first.mutex.run(() => second.mutex.run(work));
}
