/**
 * How lock files come to be: with their holder in them from the first moment, so that nobody has to guess whose they are when we are killed.
 * Where links can be had, a lock is another name of a file that names us.
 */
import { linkSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { attempt, errnoOf } from "./errors.ts";
import { shareFile } from "./permissions.ts";

/** What link(2) answers on a file system that has none. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);
/** Of this process: so that no two files of it have one name. */
let made = 0;

/** Of the very file, wherever it is moved: the number of an inode is given again at once, the moment of its birth is not. Empty: it is gone. */
export function identityOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.dev}.${stats.ino}.${stats.birthtimeNs}` : "";
}

/** Its identity; `null`: somebody has it. */
export function makeLockFile(path: string): string | null {
  const file = ownName(path);
  try {
    return lockFrom(file, path);
  } finally {
    attempt(() => unlinkSync(file));
  }
}

/** Of a file that names us. */
export const ownName = (path: string): string => `${path}.${process.pid}.${++made}`;

/** Makes `file`, and the lock as another name of it; by itself where there are no links. */
export function lockFrom(file: string, path: string): string | null {
  const holder = `${process.pid}:${hostname()}`;
  try {
    writeFileSync(file, holder, { flag: "wx", mode: 0o600 });
    shareFile(file, dirname(path));
    linkSync(file, path);
    return identityOf(path);
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return null;
    if (!WITHOUT_LINKS.has(errnoOf(cause))) throw cause;
    return isMade(() => writeFileSync(path, holder, { flag: "wx", mode: 0o600 })) ? identityOf(path) : null;
  }
}

function isMade(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
}
