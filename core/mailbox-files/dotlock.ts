/**
 * Lock files as Dovecot makes them: `NAME.lock` holding `pid:host`, there or not there. On our own host the lock of a process that is
 * gone is broken at once, and that of a living one never; one from elsewhere, or with nothing in it, is broken after some minutes
 * in which neither the lock nor the file beside it changed.
 */
import { unlinkSync, utimesSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { attempt, ignoreMissing } from "./errors.ts";
import { identityOf, makeLockFile } from "./lock-file.ts";
import type { PreparedLocks } from "./prepared-locks.ts";
import { breakStale } from "./stale-lock.ts";

/** Sign of life: the holder touches its lock this often. */
const TOUCH_MS = 15_000;

export interface Dotlock {
  release(): void;
}

export interface DotlockWishes {
  /** How long to wait; 0 asks once. */
  readonly waitMs: number;
  /** Without a touch for so long, the lock of another host is stale. */
  readonly staleMs: number;
  /** For locks that are taken again and again: what keeps the files, and a directory of the same file system in which they lie. */
  readonly keep?: { readonly by: PreparedLocks; readonly in: string };
}

/** Locks of this process, by path, whoever in it has them. */
const heldHere = new Set<string>();

function tryLock(path: string, keep: DotlockWishes["keep"]): Dotlock | null {
  if (heldHere.has(path)) return null;
  const own = keep ? keep.by.make(path, keep.in) : makeLockFile(path);
  if (own === null) return null;
  heldHere.add(path);
  const isOurs = () => identityOf(path) === own;
  const touch = setInterval(() => {
    const now = new Date();
    attempt(() => isOurs() && utimesSync(path, now, now));
  }, TOUCH_MS);
  touch.unref();
  return {
    release() {
      clearInterval(touch);
      heldHere.delete(path);
      if (isOurs()) ignoreMissing(() => unlinkSync(path));
    },
  };
}

/** `null` if somebody held it all the time. Throws where the directory cannot be written. */
export async function dotlock(path: string, wishes: DotlockWishes): Promise<Dotlock | null> {
  const until = performance.now() + wishes.waitMs;
  // A lock is mostly held for a few milliseconds: what waits for it is felt by whoever waits for news.
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 1.25, 100)) {
    const lock = tryLock(path, wishes.keep);
    if (lock) return lock;
    if (!heldHere.has(path)) breakStale(path, wishes.staleMs);
    const now = tryLock(path, wishes.keep);
    if (now) return now;
    if (performance.now() >= until) return null;
    await delay(pauseMs * (0.5 + Math.random()));
  }
}
