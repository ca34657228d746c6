/**
 * Tells who wants to know that another program may have made, renamed or removed mailboxes of an account: inotify on the directories that hold
 * them. Watches are bounded and lossy: whoever listens also looks from time to time. Faults of a watch cost only time.
 */
import { type FSWatcher, watch } from "node:fs";
import type { Log } from "../contracts/log.ts";
import { errnoOf } from "./errors.ts";

export interface NamesOfAccount {
  /** Directories in which others may make mailboxes, those that have most of them first. Asked again with each change. */
  holders(): Iterable<string>;
  /** Whether an entry of such a directory may be a mailbox, or the list of subscriptions. */
  mayName(entry: string): boolean;
}

interface Listening {
  readonly names: NamesOfAccount;
  readonly listener: () => void;
}

interface Watched {
  readonly watching: FSWatcher;
  readonly listening: Set<Listening>;
  timer: NodeJS.Timeout | null;
}

/** Events of one change, and of those that follow it at once, are told together. */
const SETTLE_MS = 300;
/** Of one account: with names as directories there are many, of which some are enough. */
const MAX_HOLDERS = 50;

export class NameWatcher {
  readonly #limit: number;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();

  /** `maxWatches`: of this process. */
  constructor({ maxWatches, log }: { readonly maxWatches: number; readonly log: Log }) {
    this.#limit = maxWatches;
    this.#log = log;
  }

  /** Answers how to stop. */
  add(names: NamesOfAccount, listener: () => void): () => void {
    const one = { names, listener };
    this.#follow(one);
    return () => {
      for (const directory of [...this.#watched.keys()]) this.#leave(directory, one);
    };
  }

  stop(): void {
    for (const directory of [...this.#watched.keys()]) this.#close(directory);
  }

  /** Watches what is there now: a mailbox that got children has become a directory. */
  #follow(one: Listening): void {
    const holders = new Set<string>();
    try {
      for (const directory of one.names.holders()) {
        holders.add(directory);
        if (holders.size >= MAX_HOLDERS) break;
      }
    } catch (cause) {
      this.#log.debug({ cause: errnoOf(cause) }, "directories of mailboxes cannot be read");
      return;
    }
    for (const directory of holders) this.#watch(directory)?.listening.add(one);
    for (const directory of [...this.#watched.keys()]) if (!holders.has(directory)) this.#leave(directory, one);
  }

  #leave(directory: string, one: Listening): void {
    const listening = this.#watched.get(directory)?.listening;
    if (listening?.delete(one) && listening.size === 0) this.#close(directory);
  }

  #watch(directory: string): Watched | null {
    const known = this.#watched.get(directory);
    if (known) return known;
    if (this.#watched.size >= this.#limit) return null;
    try {
      const watching = watch(directory, { persistent: false }, (event, entry) => {
        // What is only written to has kept its name.
        if (event === "rename" && [...watched.listening].some(({ names }) => entry === null || names.mayName(entry)))
          this.#tellSoon(watched);
      });
      const watched: Watched = { watching, listening: new Set(), timer: null };
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
      for (const one of [...watched.listening]) {
        this.#follow(one);
        one.listener();
      }
    }, SETTLE_MS).unref();
  }

  #close(directory: string): void {
    const watched = this.#watched.get(directory);
    if (!watched) return;
    this.#watched.delete(directory);
    if (watched.timer) clearTimeout(watched.timer);
    watched.listening.clear();
    watched.watching.close();
  }
}
