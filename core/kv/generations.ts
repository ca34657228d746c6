/**
 * Which environment is the one in use. Below the directory stand `current` (its number, the boot it was used in, whether it was
 * closed in order), the environment `N/`, a copy of it made now and then (`snapshot.mdb`), and what was set aside last
 * (`N.damaged/`). A damaged environment is set aside and begun anew; after a power cut, which may tear what was not flushed,
 * the copy is used. All processes agree by a lock that the kernel releases with its holder.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../contracts/log.ts";
import { DirectoryInUse, type DirectoryLock, lockDirectory } from "../kernel/directory-lock.ts";
import { DATA_FILE, DamagedEnvironment, type Environment, isDamage, openEnvironment } from "./environment.ts";
import { bootId } from "./owners.ts";

export interface Generations {
  /** Opens the one in use; `damaged` is one that turned out to be damaged while it was used. `register` is called under the lock. */
  open(damaged: string | null, register: (environment: Environment) => void): Promise<Environment>;
  /** Whether another process has begun a new one meanwhile. */
  isCurrent(environment: Environment): Promise<boolean>;
  /** Ends the use of it; `isLast` is asked under the lock, and says whether nobody else uses it. */
  close(environment: Environment, isLast: () => boolean): Promise<void>;
  readonly snapshotFile: string;
}

interface Current {
  readonly generation: number;
  readonly boot: string;
  readonly isClean: boolean;
}

const LOCK_PATIENCE_MS = 30_000;
const LOCK_PAUSE_MS = 10;

export function createGenerations(directory: string, ceilingBytes: number, log: Log): Generations {
  const currentFile = join(directory, "current");
  const snapshotFile = join(directory, "snapshot.mdb");
  const directoryOf = (generation: number) => join(directory, String(generation));

  const write = async (current: Current) => {
    await writeFile(`${currentFile}.new`, JSON.stringify(current), { mode: 0o600, flush: true });
    await rename(`${currentFile}.new`, currentFile);
  };

  const setAside = async (generation: number, why: string, restores: boolean): Promise<number> => {
    for (const name of await readdir(directory)) {
      if (name.endsWith(".damaged")) await rm(join(directory, name), { recursive: true, force: true });
    }
    const place = directoryOf(generation);
    if (existsSync(place)) await rename(place, `${place}.damaged`);
    const next = generation + 1;
    await mkdir(directoryOf(next), { mode: 0o700, recursive: true });
    const isRestored = restores && existsSync(snapshotFile);
    // Moved, not copied: should it be damaged, too, it is not tried twice.
    if (isRestored) await rename(snapshotFile, join(directoryOf(next), DATA_FILE));
    log.error(
      { directory: `${place}.damaged` },
      `key-value: ${why}: set aside, ${isRestored ? "the last snapshot is used" : "begun anew"}`,
    );
    return next;
  };

  const open = async (damaged: string | null, register: (environment: Environment) => void) => {
    const found = await readCurrent(currentFile, directory);
    const boot = bootId();
    let { generation } = found;
    if (damaged === directoryOf(generation)) generation = await setAside(generation, "damaged while in use", false);
    else if (!found.isClean && found.boot !== boot)
      generation = await setAside(generation, "not closed before the machine stopped", true);
    for (let isRetry = false; ; isRetry = true) {
      try {
        const environment = await openEnvironment(directoryOf(generation), ceilingBytes);
        register(environment);
        await write({ generation, boot, isClean: false });
        return environment;
      } catch (cause) {
        if (isRetry || !isUnusable(cause)) throw cause;
        generation = await setAside(generation, `damaged (${(cause as Error).message})`, true);
      }
    }
  };

  const locked = async <R>(work: () => Promise<R>): Promise<R> => {
    const lock = await waitForLock(directory);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  };

  return {
    snapshotFile,
    async open(damaged, register) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return locked(() => open(damaged, register));
    },
    isCurrent: async ({ directory: own }) =>
      own === directoryOf((await readCurrent(currentFile, directory)).generation),
    close: (environment, isLast) =>
      locked(async () => {
        const { generation } = await readCurrent(currentFile, directory);
        const marks = isLast() && environment.directory === directoryOf(generation);
        if (marks) await environment.flush();
        await environment.close();
        if (marks) await write({ generation, boot: bootId(), isClean: true });
      }),
  };
}

/** A file that cannot be opened for want of rights or room is not damaged. */
const isUnusable = (cause: unknown): boolean => isDamage(cause) || cause instanceof DamagedEnvironment;

async function readCurrent(file: string, directory: string): Promise<Current> {
  let text = "";
  try {
    text = await readFile(file, "utf8");
    const { generation, boot, isClean } = JSON.parse(text) as Partial<Current>;
    if (Number.isSafeInteger(generation) && generation !== undefined) {
      return { generation, boot: String(boot), isClean: isClean === true };
    }
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (!isMissing && !(cause instanceof SyntaxError)) throw cause;
  }
  // None yet, or a power cut has emptied it.
  const numbers = (await readdir(directory)).map((name) => Number.parseInt(name, 10)).filter(Number.isSafeInteger);
  return numbers.length === 0
    ? { generation: 1, boot: "", isClean: true }
    : { generation: Math.max(...numbers), boot: "", isClean: false };
}

async function waitForLock(directory: string): Promise<DirectoryLock> {
  const deadline = performance.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      return await lockDirectory(directory);
    } catch (cause) {
      if (!(cause instanceof DirectoryInUse) || performance.now() > deadline) throw cause;
      await delay(LOCK_PAUSE_MS);
    }
  }
}
