/**
 * Lock files as Dovecot makes them: `NAME.lock` holding `pid:host`, there or not there. On our own host the lock of a process that is
 * gone is broken at once, and that of a living one never; one from elsewhere, or with nothing in it, is broken after some minutes
 * in which neither the lock nor the file beside it changed.
 */
import {
  linkSync,
  readFileSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { attempt, errnoOf, ignoreMissing } from "./errors.ts";
import { shareFile } from "./permissions.ts";

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
  /** A directory of the same file system in which a file that names us may lie for some seconds, so that the next lock of this path is
   * only another name of it. Whoever is killed leaves it there: a place that is cleaned. */
  readonly keepIn?: string;
}

/** A file that names us, of which a lock is another name. */
interface Prepared {
  readonly path: string;
  readonly identity: string;
  /** Not longer, as its times are those of the lock. */
  readonly untilMs: number;
}

const KEPT_MS = 10_000;
const MAX_KEPT = 1_000;
/** By path of the lock. */
const kept = new Map<string, Prepared>();
let cleaning: NodeJS.Timeout | null = null;

function keep(path: string, prepared: string, identity: string): boolean {
  if (identity === "" || kept.size >= MAX_KEPT) return false;
  kept.set(path, { path: prepared, identity, untilMs: Date.now() + KEPT_MS });
  cleaning ??= setInterval(() => dropPrepared(Date.now()), KEPT_MS).unref();
  return true;
}

function drop(path: string, prepared: Prepared): void {
  kept.delete(path);
  attempt(() => unlinkSync(prepared.path));
}

/** Removes what is kept for locks to come: what is old, or everything. */
export function dropPrepared(nowMs = Number.POSITIVE_INFINITY): void {
  for (const [path, prepared] of kept) if (prepared.untilMs <= nowMs) drop(path, prepared);
  if (kept.size > 0 || !cleaning) return;
  clearInterval(cleaning);
  cleaning = null;
}

/** Locks of this process, by path: one that names us and is not here was left by a former process with our id. */
const heldHere = new Set<string>();
/** What link(2) answers on a file system that has none. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);
let broken = 0;
let made = 0;

/** Of the very file, wherever it is moved: the number of an inode is given again at once, the moment of its birth is not. Empty: it is gone. */
function identityOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.dev}.${stats.ino}.${stats.birthtimeNs}` : "";
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errnoOf(cause) !== "ESRCH";
  }
}

/** As Dovecot judges: a holder of our host is asked; of others, neither the lock nor what it protects may have changed for long. */
function isStale(path: string, lock: Stats, wishes: DotlockWishes): boolean {
  const [pidText = "", ...host] = readFileSync(path, "latin1").trim().split(":");
  const pid = Number(pidText);
  if (Number.isSafeInteger(pid) && pid > 0 && host.join(":") === hostname()) {
    return pid === process.pid ? !heldHere.has(path) : !isAlive(pid);
  }
  const guarded = statSync(path.replace(/\.lock$/, ""), { throwIfNoEntry: false });
  return Date.now() - Math.max(lock.mtimeMs, guarded?.mtimeMs ?? 0) > wishes.staleMs;
}

/** Moves a stale lock away, but only the very file that was found stale: somebody may have been faster. */
function breakStale(path: string, wishes: DotlockWishes): void {
  try {
    const seen = identityOf(path);
    if (seen === "" || !isStale(path, statSync(path), wishes)) return;
    const aside = `${path}.${process.pid}.${++broken}`;
    renameSync(path, aside);
    if (identityOf(aside) !== seen) attempt(() => linkSync(aside, path));
    unlinkSync(aside);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
}

/** Its identity; `null`: somebody has it. With its holder in it from the first moment, so that nobody has to guess whose it is when we are killed. */
function makeLock(path: string, keepIn: string | undefined): string | null {
  const ready = kept.get(path);
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
    drop(path, ready);
  }
  const holder = `${process.pid}:${hostname()}`;
  const prepared = `${keepIn === undefined ? path : join(keepIn, basename(path))}.${process.pid}.${++made}`;
  let isKept = false;
  try {
    writeFileSync(prepared, holder, { flag: "wx", mode: 0o600 });
    shareFile(prepared, dirname(path));
    linkSync(prepared, path);
    const identity = identityOf(path);
    if (keepIn !== undefined) isKept = keep(path, prepared, identity);
    return identity;
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return null;
    if (!WITHOUT_LINKS.has(errnoOf(cause))) throw cause;
    return isMade(() => writeFileSync(path, holder, { flag: "wx", mode: 0o600 })) ? identityOf(path) : null;
  } finally {
    if (!isKept) attempt(() => unlinkSync(prepared));
  }
}

function isMade(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

function tryLock(path: string, keepIn: string | undefined): Dotlock | null {
  if (heldHere.has(path)) return null;
  const own = makeLock(path, keepIn);
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
    const lock = tryLock(path, wishes.keepIn);
    if (lock) return lock;
    if (!heldHere.has(path)) breakStale(path, wishes);
    const now = tryLock(path, wishes.keepIn);
    if (now) return now;
    if (performance.now() >= until) return null;
    await delay(pauseMs * (0.5 + Math.random()));
  }
}
