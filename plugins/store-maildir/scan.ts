/**
 * Compares the directories of a mailbox with what is known. A listing that was taken while somebody renamed may lack a
 * message that is there, or hold it twice: what seems gone is looked for again, what seems double is told apart.
 */
import { linkSync, lstatSync, type Stats, statSync, unlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, ignoreMissing } from "./errors.ts";
import { baseOf, uniqueName } from "./file-name.ts";
import type { Folder } from "./folder.ts";
import type { MessageFile, Where } from "./message-file.ts";

/** Change times of both directories; nanoseconds. */
export interface DirectoryTimes {
  readonly newNs: bigint;
  readonly curNs: bigint;
}

export interface FoundFile {
  readonly where: Where;
  readonly name: string;
}

export interface Scan {
  /** As they were before the listing: what happens later shows as a difference. */
  readonly times: DirectoryTimes;
  readonly startedMs: number;
  readonly tookMs: number;
  readonly unknown: ReadonlyMap<string, FoundFile>;
  /** Known messages under another name: their flags have changed. */
  readonly renamed: readonly (FoundFile & { readonly file: MessageFile })[];
  readonly vanished: readonly MessageFile[];
}

/** Files change their times in steps of the kernel's tick; some file systems count only seconds. */
const TICK_MS = 30;
const COARSE_MS = 2_100;

const settles = (ns: bigint): number => Number(ns / 1_000_000n) + (ns % 1_000_000_000n === 0n ? COARSE_MS : TICK_MS);
/** From this moment on, a change would show in the times. */
export const settledAtMs = (times: DirectoryTimes): number => Math.max(settles(times.newNs), settles(times.curNs));

/** `null` if the mailbox is not there any more. */
export function timesOf(directory: string): DirectoryTimes | null {
  const fresh = statSync(join(directory, "new"), { bigint: true, throwIfNoEntry: false });
  const cur = statSync(join(directory, "cur"), { bigint: true, throwIfNoEntry: false });
  return fresh && cur ? { newNs: fresh.mtimeNs, curNs: cur.mtimeNs } : null;
}

export const isSameTimes = (a: DirectoryTimes, b: DirectoryTimes): boolean =>
  a.newNs === b.newNs && a.curNs === b.curNs;

export async function scanFolder(folder: Folder): Promise<Scan> {
  const startedMs = Date.now();
  const began = performance.now();
  const times = folder.times();
  folder.scans++;
  const unknown = new Map<string, FoundFile>();
  const renamed = new Map<MessageFile, FoundFile>();
  let seen = 0;
  // new/ first: a message that moves to cur/ meanwhile is listed twice rather than not at all.
  for (const where of ["new", "cur"] as const) {
    for (const name of await readdir(join(folder.path, where))) {
      if (name.startsWith(".")) continue;
      const base = baseOf(name);
      const file = folder.files.get(base);
      if (!file) {
        const other = unknown.get(base);
        if (!other || isOther(folder, other, { where, name })) unknown.set(base, { where, name });
        continue;
      }
      if (file.seenIn === folder.scans) {
        const other = renamed.get(file) ?? { where: file.where, name: file.name };
        if (!isOther(folder, other, { where, name })) continue;
        if (!file.isMoved && file.name === name && file.where === where) renamed.delete(file);
        else renamed.set(file, { where, name });
        continue;
      }
      file.seenIn = folder.scans;
      seen++;
      if (file.isMoved || file.name !== name || file.where !== where) renamed.set(file, { where, name });
    }
  }
  const vanished: MessageFile[] = [];
  if (seen < folder.files.size) {
    for (const file of folder.files.values()) if (file.seenIn !== folder.scans) vanished.push(file);
  }
  const after = folder.times();
  const isStable = isSameTimes(times, after) && startedMs > settledAtMs(times);
  const gone = vanished.length === 0 || isStable ? vanished : await lookAgain(folder, vanished, renamed);
  return {
    times,
    startedMs,
    tookMs: performance.now() - began,
    unknown,
    renamed: [...renamed].map(([file, found]) => ({ ...found, file })),
    vanished: gone,
  };
}

/** A second listing: those missing in both are gone. */
async function lookAgain(
  folder: Folder,
  missing: readonly MessageFile[],
  renamed: Map<MessageFile, FoundFile>,
): Promise<readonly MessageFile[]> {
  const wanted = new Map(missing.map((file) => [file.base, file]));
  for (const where of ["new", "cur"] as const) {
    for (const name of await readdir(join(folder.path, where))) {
      const file = wanted.get(baseOf(name));
      if (!file) continue;
      wanted.delete(file.base);
      file.seenIn = folder.scans;
      if (file.name !== name || file.where !== where) renamed.set(file, { where, name });
    }
  }
  return [...wanted.values()];
}

/**
 * Two names with one base: answers whether the second is the one to go by. One of them may be gone already (a rename during
 * the listing); a second link is removed; another message under the same base gets a base of its own, so none is hidden.
 */
function isOther(folder: Folder, first: FoundFile, second: FoundFile): boolean {
  const path = (found: FoundFile) => join(folder.path, found.where, found.name);
  const stat = (found: FoundFile): Stats | undefined => lstatSync(path(found), { throwIfNoEntry: false });
  const [a, b] = [stat(first), stat(second)];
  if (!b) return false;
  if (!a) return true;
  if (a.ino === b.ino && a.dev === b.dev) {
    ignoreMissing(() => unlinkSync(path(first)));
    return true;
  }
  const colon = second.name.indexOf(":");
  const own = uniqueName(Date.now(), folder.site.host) + (colon < 0 ? "" : second.name.slice(colon));
  try {
    linkSync(path(second), join(folder.path, second.where, own));
    unlinkSync(path(second));
    folder.site.log.warn({ mailbox: folder.path }, "two messages had one name: the second has a new one");
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
  return false;
}
