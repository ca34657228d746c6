/**
 * Tells sessions that a mailbox may have changed: inotify and other workers' words as hints, and a periodic look at
 * the mailbox's times, which finds whatever the hints missed. The kernel drops events when its queue is full and does not tell us: after a
 * burst that may have filled it, all mailboxes are looked at. Watches are bounded; a mailbox beyond the bound waits for
 * the periodic look. Faults of a watch cost only time.
 */
import { type FSWatcher, readFileSync, watch } from "node:fs";
import type { Log } from "../contracts/log.ts";
import type { Notifier } from "../contracts/notifier.ts";
import { errnoOf } from "./errors.ts";

export interface WatchedMailbox {
  /** Its name among the workers: `mailbox:PATH`. */
  readonly path: string;
  /** Whether what is known of it is all there is. */
  readonly isCurrent: boolean;
  /** An event of a watched path, before it is looked at: `name` in it was made, renamed or removed by somebody, or by us. */
  noticed?(path: string, name: string): void;
  /** Tells its sessions, each of which looks for itself. */
  emit(by: null): void;
}

export interface WatcherWishes {
  /** Of inotify, for all mailboxes of this process. */
  readonly maxWatches: number;
  readonly intervalMs: number;
  readonly log: Log;
  readonly notifier: Notifier | null;
}

interface Watched {
  /** By path. */
  readonly watches: Map<string, FSWatcher>;
  readonly stop: (() => void) | null;
  timer: NodeJS.Timeout | null;
  /** Events came since it was looked at. */
  isHinted: boolean;
}

/** The first event is looked at immediately, those that follow so soon together. */
const SETTLE_MS = 8;
/** Events of one turn that are looked into. More come of a large change, mostly our own; what it hides is found by the next comparison. */
const NOTICED_AT_ONCE = 64;
/** Where the kernel does not say how many events wait at most. */
const USUAL_QUEUE = 16_384;

export class MailboxWatcher {
  readonly #folders = new Map<WatchedMailbox, Watched>();
  readonly #limit: number;
  readonly #intervalMs: number;
  #count = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #queueLength = queueLength();
  /** Events that came in this turn of the loop. */
  #burst = 0;

  readonly #log: Log;
  readonly #notifier: Notifier | null;

  constructor(how: WatcherWishes) {
    this.#log = how.log;
    this.#notifier = how.notifier;
    this.#limit = how.maxWatches;
    this.#intervalMs = how.intervalMs;
  }

  /** `paths`: the files or directories whose events are its. */
  add(folder: WatchedMailbox, paths: readonly string[]): void {
    if (this.#folders.has(folder)) return;
    const watched: Watched = {
      watches: new Map(),
      stop: this.#notifier?.subscribe(`mailbox:${folder.path}`, () => this.#hint(folder)) ?? null,
      timer: null,
      isHinted: false,
    };
    this.#folders.set(folder, watched);
    if (this.#count + paths.length <= this.#limit) for (const path of paths) this.#watch(folder, path, watched);
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#lookAtAll(), this.#intervalMs);
      this.#timer.unref();
    }
  }

  remove(folder: WatchedMailbox): void {
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

  /** No events of this path until `resume`: they would be our own, and very many. */
  pause(folder: WatchedMailbox, path: string): void {
    const watched = this.#folders.get(folder);
    if (watched) this.#closeWatch(watched, path);
  }

  resume(folder: WatchedMailbox, path: string): void {
    const watched = this.#folders.get(folder);
    if (!watched || watched.watches.has(path)) return;
    if (this.#count < this.#limit) this.#watch(folder, path, watched);
    this.#hint(folder);
  }

  stop(): void {
    for (const folder of [...this.#folders.keys()]) this.remove(folder);
  }

  #watch(folder: WatchedMailbox, path: string, watched: Watched): void {
    try {
      const watching = watch(path, { persistent: false }, (_, name) => this.#event(folder, path, name));
      watching.on("error", () => this.#closeWatches(watched));
      watched.watches.set(path, watching);
      this.#count++;
    } catch (cause) {
      // Out of watches (ENOSPC, EMFILE) or the directory is gone: the periodic look does it.
      this.#log.debug({ mailbox: folder.path, cause: errnoOf(cause) }, "mailbox cannot be watched");
    }
  }

  #closeWatches(watched: Watched): void {
    for (const path of [...watched.watches.keys()]) this.#closeWatch(watched, path);
  }

  #closeWatch({ watches }: Watched, path: string): void {
    if (watches.has(path)) this.#count--;
    watches.get(path)?.close();
    watches.delete(path);
  }

  #event(folder: WatchedMailbox, path: string, name: string | null): void {
    if (this.#burst++ === 0) setImmediate(() => this.#endOfTurn());
    try {
      if (name !== null && this.#burst <= NOTICED_AT_ONCE) folder.noticed?.(path, name);
    } catch (cause) {
      this.#log.debug({ mailbox: folder.path, cause: errnoOf(cause) }, "event cannot be looked into");
    }
    this.#hint(folder);
  }

  /** A full queue is read in one turn. Events that are alike and follow each other count once in it, and some are of watches that ended. */
  #endOfTurn(): void {
    const isFull = this.#burst >= this.#queueLength / 2;
    this.#burst = 0;
    if (isFull) this.#lookAtAll();
  }

  #hint(folder: WatchedMailbox): void {
    const watched = this.#folders.get(folder);
    if (!watched) return;
    if (watched.timer) {
      watched.isHinted = true;
      return;
    }
    watched.timer = setTimeout(() => {
      watched.timer = null;
      if (!watched.isHinted) return;
      watched.isHinted = false;
      this.#hint(folder);
    }, SETTLE_MS);
    watched.timer.unref();
    setImmediate(() => {
      if (this.#folders.get(folder) === watched) this.#look(folder);
    });
  }

  #look(folder: WatchedMailbox): void {
    try {
      if (!folder.isCurrent) folder.emit(null);
    } catch (cause) {
      this.#log.warn({ mailbox: folder.path, cause: errnoOf(cause) }, "mailbox cannot be looked at");
    }
  }

  #lookAtAll(): void {
    for (const folder of this.#folders.keys()) this.#look(folder);
  }
}

function queueLength(): number {
  try {
    return Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "latin1")) || USUAL_QUEUE;
  } catch (cause) {
    if (errnoOf(cause) === "") throw cause;
    return USUAL_QUEUE;
  }
}
