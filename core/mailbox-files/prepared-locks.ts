/**
 * Files that name us, kept for some seconds, so that the next lock of the same path is only another name of one. Whoever is killed leaves
 * them: they belong into a place that is cleaned. To be closed by whoever made it.
 */
import { linkSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { attempt, errnoOf } from "./errors.ts";
import { identityOf, lockFrom, ownName } from "./lock-file.ts";

/** A file that names us, of which a lock is another name. */
interface Prepared {
  readonly path: string;
  readonly identity: string;
  /** Not longer, as its times are those of the lock. */
  readonly untilMs: number;
}

const KEPT_MS = 10_000;
const MAX_KEPT = 1_000;

export class PreparedLocks {
  /** By path of the lock. */
  readonly #kept = new Map<string, Prepared>();
  #cleaning: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** Like `makeLockFile`; the file that is kept lies in `directory`, on the same file system. */
  make(path: string, directory: string): string | null {
    const ready = this.#kept.get(path);
    if (ready) {
      try {
        if (ready.untilMs > Date.now()) {
          linkSync(ready.path, path);
          return ready.identity;
        }
      } catch (cause) {
        // Anything else: somebody has cleaned the place, or moved it.
        if (errnoOf(cause) === "EEXIST") return null;
      }
      this.#drop(path, ready);
    }
    const file = ownName(join(directory, basename(path)));
    let isKept = false;
    try {
      const identity = lockFrom(file, path);
      isKept = identity !== null && identity === identityOf(file) && this.#keep(path, { path: file, identity });
      return identity;
    } finally {
      if (!isKept) attempt(() => unlinkSync(file));
    }
  }

  /** Removes what is kept. Locks that are held stay; from now on each is made for itself. */
  close(): void {
    this.#isClosed = true;
    this.#dropOld(Number.POSITIVE_INFINITY);
  }

  #keep(path: string, file: Pick<Prepared, "path" | "identity">): boolean {
    if (this.#isClosed || this.#kept.size >= MAX_KEPT) return false;
    this.#kept.set(path, { ...file, untilMs: Date.now() + KEPT_MS });
    this.#cleaning ??= setInterval(() => this.#dropOld(Date.now()), KEPT_MS).unref();
    return true;
  }

  #drop(path: string, prepared: Prepared): void {
    this.#kept.delete(path);
    attempt(() => unlinkSync(prepared.path));
  }

  #dropOld(nowMs: number): void {
    for (const [path, prepared] of this.#kept) if (prepared.untilMs <= nowMs) this.#drop(path, prepared);
    if (this.#kept.size > 0 || !this.#cleaning) return;
    clearInterval(this.#cleaning);
    this.#cleaning = null;
  }
}
