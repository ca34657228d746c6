/**
 * Lock files as Dovecot makes them: `NAME.lock` holding `pid:host`, there or not there. The lock of a process that is gone
 * is broken at once where the host is ours, and after some minutes without a sign of life where it is not.
 */
import { linkSync, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { attempt, errnoOf, ignoreMissing } from "./errors.ts";

/** Sign of life: the holder touches its lock this often. */
const TOUCH_MS = 15_000;
/** A holder whose file says nothing about it (made, and killed before it wrote). */
const NAMELESS_MS = 5_000;

export interface Dotlock {
  release(): void;
}

export interface DotlockWishes {
  /** How long to wait; 0 asks once. */
  readonly waitMs: number;
  /** Without a touch for so long, the lock of another host is stale. */
  readonly staleMs: number;
}

/** Locks of this process, by path: one that names us and is not here was left by a former process with our id. */
const heldHere = new Set<string>();
let broken = 0;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errnoOf(cause) !== "ESRCH";
  }
}

function isStale(path: string, ageMs: number, wishes: DotlockWishes): boolean {
  if (ageMs > wishes.staleMs) return true;
  const [pidText = "", ...host] = readFileSync(path, "latin1").trim().split(":");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0) return ageMs > NAMELESS_MS;
  if (host.join(":") !== hostname()) return false;
  return pid === process.pid ? !heldHere.has(path) : !isAlive(pid);
}

/** Moves a stale lock away, but only the very file that was found stale: somebody may have been faster. */
function breakStale(path: string, wishes: DotlockWishes): void {
  try {
    const seen = statSync(path);
    if (!isStale(path, Date.now() - seen.mtimeMs, wishes)) return;
    const aside = `${path}.${process.pid}.${++broken}`;
    renameSync(path, aside);
    if (statSync(aside).ino !== seen.ino) attempt(() => linkSync(aside, path));
    unlinkSync(aside);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
}

function tryLock(path: string): Dotlock | null {
  if (heldHere.has(path)) return null;
  try {
    writeFileSync(path, `${process.pid}:${hostname()}`, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return null;
    throw cause;
  }
  heldHere.add(path);
  const own = statSync(path).ino;
  const isOurs = () => statSync(path, { throwIfNoEntry: false })?.ino === own;
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
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const lock = tryLock(path);
    if (lock) return lock;
    if (!heldHere.has(path)) breakStale(path, wishes);
    const now = tryLock(path);
    if (now) return now;
    if (performance.now() >= until) return null;
    await delay(pauseMs * (0.5 + Math.random()));
  }
}
