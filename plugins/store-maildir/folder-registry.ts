/**
 * The mailboxes that this process knows, by directory: one shared object each while sessions have it open, and the latest
 * closed ones, bounded in number and in messages. Whatever is dropped is read again from disk.
 */

import { lstatSync, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { StoreError } from "postern/plugin";
import { errnoOf, shareDirectory, storeError } from "postern/store";
import { flushDirectoryNow } from "./flush.ts";
import { Folder, type FolderPlace } from "./folder.ts";
import type { Site } from "./site.ts";

const MAX_CLOSED = 100;
const MAX_CLOSED_MESSAGES = 300_000;
const MAX_CHECKED = 50_000;
/** Flushed when a mailbox is made: the Maildir, its home, the domain's directory, the directory of all domains. */
const LEVELS = 4;

export class FolderRegistry {
  readonly #folders = new Map<string, Folder>();
  readonly #identities = new WeakMap<Folder, string>();
  /** Directories that were seen to be a Maildir without links. */
  readonly #checked = new Set<string>();

  /** The mailbox as it is known, where that is the one that stands there. */
  current(path: string): Folder | null {
    const known = this.#folders.get(path);
    // One that has lost its index begins anew with it when nobody has it open.
    if (!known || (known.hasLeftIndex && known.holders === 0)) return null;
    if (identityOf(path) !== this.#identities.get(known)) return null;
    this.#folders.delete(path);
    this.#folders.set(path, known);
    return known;
  }

  /** The mailbox at a place; `nonexistent` if there is none. */
  at(place: FolderPlace, site: Site): Folder {
    const current = this.current(place.path);
    if (current) return current;
    const known = this.#folders.get(place.path);
    const identity = identityOf(place.path);
    const isWhole = known && !(known.hasLeftIndex && known.holders === 0);
    // Another program made another mailbox of the same name.
    if (known && isWhole) this.retire(place.path);
    this.check(place);
    const folder = new Folder(place, site);
    this.#identities.set(folder, identity);
    this.#folders.set(place.path, folder);
    this.#trim();
    return folder;
  }

  known(path: string): Folder | null {
    return this.#folders.get(path) ?? null;
  }

  /** Looks once whether this is a mailbox, and no link leads out of it. */
  check(place: FolderPlace): void {
    if (this.#checked.has(place.path)) return;
    // The Maildir itself may be put elsewhere by an administrator; what stands in it may not.
    const steps = relative(place.root, place.path)
      .split("/")
      .filter((step) => step !== "");
    const above = steps.map((_, index) => join(place.root, ...steps.slice(0, index + 1)));
    const tmp = join(place.path, "tmp");
    for (const path of [...above, join(place.path, "cur"), join(place.path, "new"), tmp]) {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (!stats && path === tmp) mkdirSync(path, { mode: 0o700 });
      else if (!stats) throw new StoreError("nonexistent", "There is no such mailbox");
      else if (!stats.isDirectory()) throw new StoreError("noPermission", "A link stands where mail should be");
    }
    if (this.#checked.size >= MAX_CHECKED) this.#checked.clear();
    this.#checked.add(place.path);
  }

  hold(folder: Folder): void {
    folder.holders++;
  }

  release(folder: Folder): void {
    folder.holders--;
    if (folder.isGone) this.forget(folder);
    this.#trim();
  }

  forget(folder: Folder): void {
    this.#checked.delete(folder.path);
    if (this.#folders.get(folder.path) === folder) this.#folders.delete(folder.path);
  }

  /** The directory is not what it was (deleted, renamed). */
  retire(path: string): void {
    this.#checked.delete(path);
    this.#folders.get(path)?.retire();
  }

  #trim(): void {
    let count = 0;
    let messages = 0;
    for (const folder of [...this.#folders.values()].reverse()) {
      if (folder.holders > 0) continue;
      count++;
      messages += folder.files.size;
      const isLatest = count === 1;
      if (!isLatest && (count > MAX_CLOSED || messages > MAX_CLOSED_MESSAGES)) this.#folders.delete(folder.path);
    }
  }
}

/** Two directories that were ever there differ in it. */
function identityOf(path: string): string {
  const stats = lstatSync(`${path}/cur`, { throwIfNoEntry: false });
  return stats ? `${stats.dev}.${stats.ino}.${stats.birthtimeMs}` : "";
}

/**
 * Makes the directories of a mailbox that are missing, on disk when it returns: what is delivered there afterwards flushes `new/` only.
 * Answers whether it was made by us.
 */
export function makeDirectories(
  path: string,
  { isInbox, isDeep }: { readonly isInbox: boolean; readonly isDeep: boolean },
): boolean {
  try {
    mkdirSync(path, { recursive: isInbox || isDeep, mode: 0o700 });
    // Who may write into a home need not read its mail.
    if (!isInbox) shareDirectory(path, dirname(path));
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw storeError(cause);
  }
  try {
    for (const step of ["tmp", "new"]) makeDirectory(join(path, step));
    // Up to what holds all accounts: a home, or a domain, may be as new.
    for (let level = 0, at = path; level < LEVELS; level++, at = dirname(at)) flushDirectoryNow(at);
    // cur/ last: a directory without it is no mailbox yet, neither for others nor after a power cut.
    const isOurs = makeDirectory(join(path, "cur"));
    flushDirectoryNow(path);
    return isOurs;
  } catch (cause) {
    throw storeError(cause);
  }
}

/** Answers `false` where it was there. */
function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    shareDirectory(path, dirname(path));
    return true;
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw cause;
    return false;
  }
}
