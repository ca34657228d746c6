/**
 * `FILE.lock`, there or not there: the lock of mbox that all programs know. A lock that nobody has touched for five minutes is taken for
 * forgotten, as procmail and Postfix do.
 */
import { randomBytes } from "node:crypto";
import { link, open, rename, stat, unlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const STALE_MS = 5 * 60_000;
const WAIT_MS = 30_000;
const PAUSE_MS = 100;

/** Rejects when somebody else has it all the time, or when it cannot be made. */
export async function withDotlock(path: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const lock = `${path}.lock`;
  const until = performance.now() + WAIT_MS;
  while (!(await taken(lock))) {
    await breakStale(lock);
    if (performance.now() > until) throw new Error(`${lock} is held by somebody else`);
    await delay(PAUSE_MS * (0.5 + Math.random()), undefined, { signal });
  }
  try {
    await work();
  } finally {
    await ignoreMissing(unlink(lock));
  }
}

async function taken(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, "wx", 0o600);
    await file.close();
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Moved away first, and put back if it is not the one that was found stale: somebody may have been faster. */
async function breakStale(lock: string): Promise<void> {
  const seen = await stat(lock).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return null;
    throw cause;
  });
  if (!seen || Date.now() - seen.mtimeMs < STALE_MS) return;
  const aside = `${lock}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await ignoreMissing(rename(lock, aside));
  await ignoreMissing(
    (async () => {
      if ((await stat(aside)).ino !== seen.ino) await link(aside, lock);
      await unlink(aside);
    })(),
  );
}

async function ignoreMissing(doing: Promise<void>): Promise<void> {
  try {
    await doing;
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
  }
}

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : null);
