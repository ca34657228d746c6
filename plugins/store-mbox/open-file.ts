/** Opens the file of a mailbox, for writing too where that is allowed. Follows no link; a file with a second name is refused. */

import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { StoreError } from "postern/plugin";
import { errnoOf, storeError } from "postern/store";

/** The file, open and locked, and known as it is. */
export interface OpenFile {
  readonly fd: number;
  readonly isWritable: boolean;
}

export const goneError = (): StoreError => new StoreError("nonexistent", "The mailbox is gone");

/** What the file looks like: another look is another content. */
export const stampOf = (stats: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string =>
  `${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;

/** Two changes in one tick of the file system's clock give one time to the file. */
const TICK_NS = 30_000_000n;

/** Whether a change that comes now would show in the stamp. */
export const isSettled = ({ mtimeNs, ctimeNs }: { mtimeNs: bigint; ctimeNs: bigint }): boolean =>
  BigInt(Date.now()) * 1_000_000n > (mtimeNs > ctimeNs ? mtimeNs : ctimeNs) + TICK_NS;

/** Rejects with `nonexistent` where there is none. */
export function openFile(path: string): OpenFile {
  const file = openForWriting(path);
  const stats = fstatSync(file.fd);
  if (stats.isFile() && stats.nlink === 1) return file;
  closeSync(file.fd);
  if (stats.isFile() && stats.nlink === 0) throw goneError();
  throw new StoreError("noPermission", "The mailbox is no file of one name");
}

function openForWriting(path: string): OpenFile {
  const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  const open = (access: number): number => openSync(path, access | O_NOFOLLOW | O_NONBLOCK);
  try {
    return { fd: open(O_RDWR), isWritable: true };
  } catch (cause) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(cause))) throw goneError();
    if (!["EACCES", "EROFS", "EPERM"].includes(errnoOf(cause))) throw storeError(cause);
  }
  try {
    return { fd: open(O_RDONLY), isWritable: false };
  } catch (cause) {
    throw storeError(cause);
  }
}

/** Whether the path still leads to what was opened; `null`: it leads nowhere. */
export function isSameFile(path: string, fd: number): boolean | null {
  const seen = statSync(path, { throwIfNoEntry: false });
  const own = fstatSync(fd);
  return seen ? seen.ino === own.ino && seen.dev === own.dev : null;
}
