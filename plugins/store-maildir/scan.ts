/**
 * Compares the directories of a mailbox with what is known. A listing that was taken while somebody renamed may lack a
 * message that is there, or hold it twice: what seems gone is looked for again until that is sure, what seems double is told apart.
 */

import { linkSync, lstatSync, renameSync, type Stats, statSync, unlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errnoOf, ignoreMissing } from "postern/store";
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
  readonly renamed: ReadonlyMap<MessageFile, FoundFile>;
  readonly vanished: readonly MessageFile[];
  /** Bases that were not found, which may be there all the same. */
  readonly unsure: ReadonlySet<string>;
}

/** Files change their times in steps of the kernel's tick; some file systems count only seconds. */
const TICK_MS = 30;
const COARSE_MS = 2_100;

const settles = (ns: bigint, tickMs = TICK_MS): number =>
  Number(ns / 1_000_000n) + (ns % 1_000_000_000n === 0n ? COARSE_MS : tickMs);
/** From this moment on, a change would show in the times. */
export const settledAtMs = (times: DirectoryTimes): number => Math.max(settles(times.newNs), settles(times.curNs));

/** The clock of files goes in such steps on kernels that are slow about it. */
const STEP_MS = 12;

/**
 * Of a look at the directories that begins now: answers whether it saw all that was there, as nothing changed meanwhile. What changes
 * twice in one step of the clock shows once, so there must have been quiet before.
 */
export function quietSince(before: DirectoryTimes): (after: DirectoryTimes) => boolean {
  const isSettled = Date.now() > Math.max(settles(before.newNs, STEP_MS), settles(before.curNs, STEP_MS));
  return (after) => isSettled && isSameTimes(before, after);
}

/** `null` if the mailbox is not there any more. */
export function timesOf(directory: string): DirectoryTimes | null {
  const fresh = statSync(`${directory}/new`, { bigint: true, throwIfNoEntry: false });
  const cur = statSync(`${directory}/cur`, { bigint: true, throwIfNoEntry: false });
  return fresh && cur ? { newNs: fresh.mtimeNs, curNs: cur.mtimeNs } : null;
}

export const isSameTimes = (a: DirectoryTimes, b: DirectoryTimes): boolean =>
  a.newNs === b.newNs && a.curNs === b.curNs;

/**
 * Compares with the disk. `expected` are bases that ought to be there though the folder does not know them yet, asked for once
 * the first listing is done.
 */
export async function scanFolder(folder: Folder, expected: (scan: Scan) => Iterable<string> = () => []): Promise<Scan> {
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
  const scan = { times, startedMs, tookMs: 0, unknown, renamed, vanished: [], unsure: new Set<string>() };
  const missing = new Set<string>();
  if (seen < folder.files.size) {
    for (const file of folder.files.values()) if (file.seenIn !== folder.scans) missing.add(file.base);
  }
  for (const base of expected(scan)) if (!unknown.has(base) && !folder.files.has(base)) missing.add(base);
  const isStable = isSameTimes(times, folder.times()) && startedMs > settledAtMs(times);
  const unsure = missing.size === 0 || isStable ? new Set<string>() : await lookAgain(folder, missing, scan);
  const vanished: MessageFile[] = [];
  for (const base of missing) {
    const file = unsure.has(base) ? undefined : folder.files.get(base);
    if (file) vanished.push(file);
  }
  return { ...scan, tookMs: performance.now() - began, vanished, unsure };
}

const MAX_LISTINGS = 40;
const PAUSE_MS = 4;

/**
 * Lists until it is sure what is gone, and takes what it finds out of `missing`. Where others rename all the time that may never be:
 * answers those of which nothing can be said.
 */
async function lookAgain(
  folder: Folder,
  missing: Set<string>,
  { unknown, renamed }: { readonly unknown: Map<string, FoundFile>; readonly renamed: Map<MessageFile, FoundFile> },
): Promise<ReadonlySet<string>> {
  for (let listing = 0; missing.size > 0 && listing < MAX_LISTINGS; listing++) {
    const isQuiet = quietSince(folder.times());
    for (const where of ["new", "cur"] as const) {
      for (const name of await readdir(join(folder.path, where))) {
        const base = baseOf(name);
        if (!missing.delete(base)) continue;
        const file = folder.files.get(base);
        if (!file) unknown.set(base, { where, name });
        else if (file.name !== name || file.where !== where) renamed.set(file, { where, name });
      }
    }
    if (isQuiet(folder.times())) return new Set();
    await delay(PAUSE_MS);
  }
  return new Set(missing);
}

/**
 * Two names with one base: answers whether the second is the one to go by. One of them may be gone already (a rename during
 * the listing); a second link is removed; another message under the same base gets a base of its own, so none is hidden.
 */
function isOther(folder: Folder, first: FoundFile, second: FoundFile): boolean {
  const path = (found: FoundFile) => join(folder.path, found.where, found.name);
  const stat = (at: string): Stats | undefined => lstatSync(at, { throwIfNoEntry: false });
  const [a, b] = [stat(path(first)), stat(path(second))];
  if (!b) return false;
  if (!a) return true;
  const colon = second.name.indexOf(":");
  const own = uniqueName(Date.now(), folder.site.host) + (colon < 0 ? "" : second.name.slice(colon));
  const aside = join(folder.path, second.where, own);
  if (a.ino === b.ino && a.dev === b.dev) {
    // Perhaps it is one file that was renamed between the two looks, and comes back: never unlink what may be the last name.
    if (!ignoreMissing(() => renameSync(path(first), aside))) return true;
    const rest = stat(path(second));
    if (rest?.ino === b.ino && rest.dev === b.dev) ignoreMissing(() => unlinkSync(aside));
    else ignoreMissing(() => renameSync(aside, path(first)));
    return true;
  }
  try {
    linkSync(path(second), aside);
    unlinkSync(path(second));
    folder.site.log.warn({ mailbox: folder.path }, "two messages had one name: the second has a new one");
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
  return false;
}
