/**
 * Tells sessions that a mailbox may have changed: inotify and other workers' words as hints, and a periodic look at the
 * file's times, which finds whatever the hints missed. Watches are bounded; a mailbox beyond the bound waits for
 * the periodic look. Faults of a watch cost only time.
 */
import { type FSWatcher, watch } from "node:fs";
import { errnoOf } from "./errors.ts";
import type { Folder } from "./folder.ts";

interface Watched {
  readonly watches: FSWatcher[];
  readonly stop: (() => void) | null;
  timer: NodeJS.Timeout | null;
}

/** Events of one burst are looked at together. */
const SETTLE_MS = 40;

export class Watcher {
  readonly #folders = new Map<Folder, Watched>();
  readonly #limit: number;
  readonly #intervalMs: number;
  #count = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(how: { readonly maxWatches: number; readonly intervalMs: number }) {
    this.#limit = how.maxWatches;
    this.#intervalMs = how.intervalMs;
  }

  add(folder: Folder): void {
    if (this.#folders.has(folder)) return;
    const watched: Watched = {
      watches: [],
      stop: folder.site.notifier?.subscribe(`mailbox:${folder.path}`, () => this.#hint(folder)) ?? null,
      timer: null,
    };
    this.#folders.set(folder, watched);
    if (this.#count < this.#limit) this.#watch(folder, watched);
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#lookAtAll(), this.#intervalMs);
      this.#timer.unref();
    }
  }

  remove(folder: Folder): void {
    const watched = this.#folders.get(folder);
    if (!watched) return;
    this.#folders.delete(folder);
    watched.stop?.();
    if (watched.timer) clearTimeout(watched.timer);
    this.#closeWatches(watched);
    if (this.#folders.size === 0 && this.#timer) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  stop(): void {
    for (const folder of [...this.#folders.keys()]) this.remove(folder);
  }

  #watch(folder: Folder, watched: Watched): void {
    try {
      const watching = watch(folder.path, { persistent: false }, () => this.#hint(folder));
      watching.on("error", () => this.#closeWatches(watched));
      watched.watches.push(watching);
      this.#count++;
    } catch (cause) {
      // Out of watches (ENOSPC, EMFILE) or the directory is gone: the periodic look does it.
      folder.site.log.debug({ mailbox: folder.path, cause: errnoOf(cause) }, "mailbox cannot be watched");
    }
  }

  #closeWatches(watched: Watched): void {
    for (const watching of watched.watches.splice(0)) {
      watching.close();
      this.#count--;
    }
  }

  #hint(folder: Folder): void {
    const watched = this.#folders.get(folder);
    if (!watched || watched.timer) return;
    watched.timer = setTimeout(() => {
      watched.timer = null;
      this.#look(folder);
    }, SETTLE_MS);
    watched.timer.unref();
  }

  #look(folder: Folder): void {
    try {
      if (!folder.isCurrent) folder.emit(null);
    } catch (cause) {
      folder.site.log.warn({ mailbox: folder.path, cause: errnoOf(cause) }, "mailbox cannot be looked at");
    }
  }

  #lookAtAll(): void {
    for (const folder of this.#folders.keys()) this.#look(folder);
  }
}
