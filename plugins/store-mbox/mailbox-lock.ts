/**
 * The locks of one mbox, in the order that all programs of the machine keep: kernel locks on the open file, `FILE.lock` beside it. Readers
 * share the kernel lock and make no file. Whoever gets only some of them gives them back before it waits: two programs that differ in the
 * order do not stop each other for ever.
 */

import { setTimeout as delay } from "node:timers/promises";
import { StoreError } from "postern/plugin";
import { type Dotlock, dotlock, errnoOf } from "postern/store";
import { type KernelLock, tryKernelLock } from "./kernel-locks.ts";

/** `dotlock-try`: done without where the directory may not be written. */
export type LockMethod = KernelLock | "dotlock" | "dotlock-try";

const WAIT_MS = 30_000;
/** A lock of a program that shows no sign of life, and a mailbox that has not changed: as procmail and Postfix have it. */
const STALE_MS = 5 * 60_000;
const FORBIDDEN: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);

export interface Wanted {
  readonly fd: number;
  readonly path: string;
  readonly mode: "shared" | "exclusive";
  readonly methods: readonly LockMethod[];
}

/** Answers how to release them. Rejects with `inUse` when somebody else has it all the time. */
export async function lockMailbox(wanted: Wanted): Promise<() => void> {
  const until = performance.now() + WAIT_MS;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 64)) {
    const release = await tryAll(wanted);
    if (release) return release;
    if (performance.now() > until) throw new StoreError("inUse", "The mailbox is locked by another program");
    await delay(pauseMs * (0.5 + Math.random()));
  }
}

async function tryAll({ fd, path, mode, methods }: Wanted): Promise<(() => void) | null> {
  const releases: (() => void)[] = [];
  const release = () => {
    for (const one of releases.reverse()) one();
  };
  try {
    // Where there are only lock files, readers need them too.
    const isFileNeeded = mode === "exclusive" || methods.every((method) => method.startsWith("dotlock"));
    for (const method of methods) {
      if (method === "fcntl" || method === "flock") {
        if (!tryKernelLock(method, fd, mode)) return givenBack(release);
        releases.push(() => tryKernelLock(method, fd, "none"));
      } else if (isFileNeeded) {
        const file = await fileLock(path, method);
        if (file === "busy") return givenBack(release);
        if (file) releases.push(() => file.release());
      }
    }
    return release;
  } catch (cause) {
    release();
    throw cause;
  }
}

function givenBack(release: () => void): null {
  release();
  return null;
}

async function fileLock(path: string, method: "dotlock" | "dotlock-try"): Promise<Dotlock | "busy" | null> {
  try {
    return (await dotlock(`${path}.lock`, { waitMs: 0, staleMs: STALE_MS })) ?? "busy";
  } catch (cause) {
    if (method === "dotlock-try" && FORBIDDEN.has(errnoOf(cause))) return null;
    throw cause;
  }
}
