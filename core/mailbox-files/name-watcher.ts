/**
 * Tells who wants to know that another program may have made, renamed or removed mailboxes of an account: inotify on the directories that hold
 * them. Watches are bounded and lossy: whoever listens also looks from time to time. Faults of a watch cost only time.
 */
import { type FSWatcher, watch } from "node:fs";
import type { Log } from "../contracts/log.ts";
import { errnoOf } from "./errors.ts";

interface Watched {
  readonly watching: FSWatcher;
  readonly listeners: Set<() => void>;
  timer: NodeJS.Timeout | null;
}

/** Events of one change, and of those that follow it at once, are told together. */
const SETTLE_MS = 300;

export class NameWatcher {
  readonly #limit: number;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();

  /** `maxWatches`: of this process. */
  constructor({ maxWatches, log }: { readonly maxWatches: number; readonly log: Log }) {
    this.#limit = maxWatches;
    this.#log = log;
  }

  /** `isName`: whether an entry of a directory may be a mailbox, or the list of subscriptions. Answers how to stop. */
  add(directories: readonly string[], isName: (entry: string) => boolean, listener: () => void): () => void {
    const watched = directories.flatMap((directory) => this.#watch(directory, isName) ?? []);
    for (const { listeners } of watched) listeners.add(listener);
    return () => {
      for (const [directory, { listeners }] of [...this.#watched])
        if (listeners.delete(listener) && listeners.size === 0) this.#close(directory);
    };
  }

  stop(): void {
    for (const directory of [...this.#watched.keys()]) this.#close(directory);
  }

  #watch(directory: string, isName: (entry: string) => boolean): Watched | null {
    const known = this.#watched.get(directory);
    if (known) return known;
    if (this.#watched.size >= this.#limit) return null;
    try {
      const watching = watch(directory, { persistent: false }, (event, entry) => {
        // What is only written to has kept its name.
        if (event === "rename" && (entry === null || isName(entry))) this.#tellSoon(watched);
      });
      const watched: Watched = { watching, listeners: new Set(), timer: null };
      watching.on("error", () => this.#close(directory));
      this.#watched.set(directory, watched);
      return watched;
    } catch (cause) {
      this.#log.debug({ directory, cause: errnoOf(cause) }, "names of mailboxes cannot be watched");
      return null;
    }
  }

  #tellSoon(watched: Watched): void {
    watched.timer ??= setTimeout(() => {
      watched.timer = null;
      for (const listener of watched.listeners) listener();
    }, SETTLE_MS).unref();
  }

  #close(directory: string): void {
    const watched = this.#watched.get(directory);
    if (!watched) return;
    this.#watched.delete(directory);
    if (watched.timer) clearTimeout(watched.timer);
    watched.listeners.clear();
    watched.watching.close();
  }
}
