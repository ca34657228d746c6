/**
 * Locks that nobody holds any more, judged as Dovecot does: a holder of our host is asked; of others, neither the lock nor what it protects
 * may have changed for long.
 */
import { linkSync, readFileSync, renameSync, type Stats, statSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { attempt, errnoOf } from "./errors.ts";
import { identityOf } from "./lock-file.ts";

let broken = 0;

/** Moves a stale lock away, but only the very file that was found stale: somebody may have been faster. For whoever does not hold it himself. */
export function breakStale(path: string, staleMs: number): void {
  try {
    const seen = identityOf(path);
    if (seen === "" || !isStale(path, statSync(path), staleMs)) return;
    const aside = `${path}.${process.pid}.${++broken}`;
    renameSync(path, aside);
    if (identityOf(aside) !== seen) attempt(() => linkSync(aside, path));
    unlinkSync(aside);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
}

function isStale(path: string, lock: Stats, staleMs: number): boolean {
  const [pidText = "", ...host] = readFileSync(path, "latin1").trim().split(":");
  const pid = Number(pidText);
  // One that names us, who do not hold it, was left by a former process with our id.
  if (Number.isSafeInteger(pid) && pid > 0 && host.join(":") === hostname())
    return pid === process.pid || !isAlive(pid);
  const guarded = statSync(path.replace(/\.lock$/, ""), { throwIfNoEntry: false });
  return Date.now() - Math.max(lock.mtimeMs, guarded?.mtimeMs ?? 0) > staleMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errnoOf(cause) !== "ESRCH";
  }
}
