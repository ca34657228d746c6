/**
 * The mailboxes that this process knows, by file: one shared object each while sessions have it open, and the latest closed ones, bounded
 * in number and in messages. Whatever is dropped is read again from its index.
 */

import { lstatSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "postern/plugin";
import { errnoOf } from "postern/store";
import { Folder, type FolderPlace } from "./folder.ts";
import type { Site } from "./site.ts";

const MAX_CLOSED = 200;
const MAX_CLOSED_MESSAGES = 300_000;

export class FolderRegistry {
  readonly #folders = new Map<string, Folder>();

  /** The mailbox at a place; `nonexistent` if there is none. */
  at(place: FolderPlace, site: Site): Folder {
    const known = this.#folders.get(place.path);
    if (known) {
      this.#folders.delete(place.path);
      this.#folders.set(place.path, known);
      return known;
    }
    check(place);
    const folder = new Folder(place, site);
    this.#folders.set(place.path, folder);
    this.#trim();
    return folder;
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
    if (this.#folders.get(folder.path) === folder) this.#folders.delete(folder.path);
  }

  /** The file is not what it was (deleted, renamed). */
  retire(path: string): void {
    this.#folders.get(path)?.retire();
  }

  #trim(): void {
    let count = 0;
    let messages = 0;
    for (const folder of [...this.#folders.values()].reverse()) {
      if (folder.holders > 0 || folder.mutex.isBusy) continue;
      count++;
      messages += folder.snapshot.size;
      const isLatest = count === 1;
      if (!isLatest && (count > MAX_CLOSED || messages > MAX_CLOSED_MESSAGES)) this.#folders.delete(folder.path);
    }
  }
}

/** No link leads out of the account's directory; the directory itself and the INBOX's may be put elsewhere by an administrator. */
function check({ path, root }: FolderPlace): void {
  const seen = statsOf(path);
  if (seen?.isSymbolicLink()) throw new StoreError("noPermission", "A link stands where mail should be");
  for (let at = dirname(path); at.startsWith(`${root}/`); at = dirname(at)) {
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      throw new StoreError("noPermission", "A link stands where mail should be");
  }
  if (!seen?.isFile()) throw new StoreError("nonexistent", "There is no such mailbox");
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if (errnoOf(cause) === "ENOTDIR") return undefined;
    throw cause;
  }
}
