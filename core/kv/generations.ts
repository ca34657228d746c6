/**
 * Which environment is the one in use. Below the directory stand `current` (its number, the boot it was used in, whether it was
 * closed in order), the environment `N/`, a copy of it made now and then (`snapshot.mdb`), and what was set aside last
 * (`N.damaged/`). A damaged environment is set aside and begun anew; after a power cut, which may tear what was not flushed,
 * the copy is used. All processes agree by a lock that the kernel releases with its holder.
 */
import { existsSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../contracts/log.ts";
import { DirectoryInUse, type DirectoryLock, lockDirectory } from "../kernel/directory-lock.ts";
import { DATA_FILE, isDamage } from "./environment.ts";
import { bootId, type Owners } from "./owners.ts";
import { canBeRead, glance } from "./soundness.ts";

/** What generations need to know of an environment. */
export interface KeptEnvironment {
  readonly directory: string;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface Generations<E extends KeptEnvironment> {
  open(): Promise<E>;
  /** It turned out to be damaged: whoever opens it next sets it aside. */
  condemn(environment: E): void;
  /** Whether another process has begun a new one meanwhile. */
  isCurrent(environment: E): Promise<boolean>;
  /** Ends the use of it. */
  close(environment: E): Promise<void>;
  readonly snapshotFile: string;
}

interface Current {
  readonly generation: number;
  readonly boot: string;
  readonly isClean: boolean;
  /** Processes in a row that ended without leaving, each soon after the one before, and when the last was noticed. */
  readonly crashes: number;
  readonly crashedAtMs: number;
}

/** So many in a row, and the environment is held to be the cause, although it can be read: its list of free pages, say. */
const CRASHES = 8;
const CRASH_PAUSE_MS = 60_000;

const condemnedFile = (directory: string): string => join(directory, "condemned");
const LOCK_PATIENCE_MS = 30_000;
const LOCK_PAUSE_MS = 10;

export interface GenerationsParts<E extends KeptEnvironment> {
  readonly directory: string;
  readonly owners: Owners;
  readonly log: Log;
  /** For the log. */
  readonly name: string;
  readonly tables: readonly string[];
  /** Whether what is set aside stays for whoever wants to look. */
  readonly keepsDamaged: boolean;
  openEnvironment(directory: string): Promise<E>;
}

export function createGenerations<E extends KeptEnvironment>(parts: GenerationsParts<E>): Generations<E> {
  const { directory, owners, log, name, tables } = parts;
  const currentFile = join(directory, "current");
  const snapshotFile = join(directory, "snapshot.mdb");
  const directoryOf = (generation: number) => join(directory, String(generation));

  const write = async (current: Current) => {
    await writeFile(`${currentFile}.new`, JSON.stringify(current), { mode: 0o600, flush: true });
    await rename(`${currentFile}.new`, currentFile);
  };

  const setAside = async (generation: number, why: string): Promise<number> => {
    for (const entry of await readdir(directory)) {
      if (entry.endsWith(".damaged")) await rm(join(directory, entry), { recursive: true, force: true });
    }
    const place = directoryOf(generation);
    if (existsSync(place)) await rename(place, `${place}.damaged`);
    if (!parts.keepsDamaged) await rm(`${place}.damaged`, { recursive: true, force: true });
    const next = generation + 1;
    await mkdir(directoryOf(next), { mode: 0o700, recursive: true });
    const isRestored = existsSync(snapshotFile);
    // Moved, not copied: should it be damaged, too, it is not tried twice.
    if (isRestored) await rename(snapshotFile, join(directoryOf(next), DATA_FILE));
    log.error(
      { directory: `${place}.damaged` },
      `${name}: ${why}: ${parts.keepsDamaged ? "set aside" : "deleted"}, ${isRestored ? "the last snapshot is used" : "begun anew"}`,
    );
    return next;
  };

  /** `null`: nothing speaks against it. */
  const faultOf = async (place: string, isDoubtful: boolean): Promise<string | null> => {
    const soundness = await glance(join(place, DATA_FILE));
    if (soundness === "damaged") return "is damaged";
    if (soundness === "sound" && !(isDoubtful && existsSync(join(place, DATA_FILE)))) return null;
    return (await canBeRead(place, tables)) ? null : "cannot be read";
  };

  const open = async (): Promise<E> => {
    const found = await readCurrent(currentFile, directory);
    const boot = bootId();
    let { generation } = found;
    if (existsSync(condemnedFile(directoryOf(generation)))) {
      generation = await setAside(generation, "was found damaged");
    } else if (!found.isClean && found.boot !== boot) {
      generation = await setAside(generation, "was not closed before the machine stopped");
    }
    owners.register();
    const gone = owners.gone();
    let { crashes, crashedAtMs } = found;
    if (gone.length > 0) {
      crashes = Date.now() - crashedAtMs < CRASH_PAUSE_MS ? crashes + 1 : 1;
      crashedAtMs = Date.now();
      if (crashes > CRASHES) {
        generation = await setAside(generation, "was in use when several processes ended");
        crashes = 0;
      }
    }
    for (let isRetry = false; ; isRetry = true) {
      const fault = await faultOf(directoryOf(generation), gone.length > 0);
      try {
        if (fault === null) {
          const environment = await parts.openEnvironment(directoryOf(generation));
          await write({ generation, boot, isClean: false, crashes, crashedAtMs });
          owners.forget(gone);
          return environment;
        }
      } catch (cause) {
        if (isRetry || !isDamage(cause)) throw cause;
      }
      // What was restored may be damaged, too; what is begun anew is not.
      generation = await setAside(generation, fault ?? "is damaged");
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
    async open() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return locked(open);
    },
    condemn({ directory: own }) {
      try {
        writeFileSync(condemnedFile(own), "", { mode: 0o600 });
      } catch (cause) {
        // Another process has set it aside already, or nothing can be written at all.
        log.warn({ cause: String(cause) }, `${name}: a damaged environment could not be marked`);
      }
    },
    isCurrent: async ({ directory: own }) =>
      own === directoryOf((await readCurrent(currentFile, directory)).generation) && !existsSync(condemnedFile(own)),
    close: (environment) =>
      locked(async () => {
        const { generation } = await readCurrent(currentFile, directory);
        const marks = owners.isAlone() && environment.directory === directoryOf(generation);
        if (marks) await environment.flush();
        await environment.close();
        owners.leave();
        if (marks) await write({ generation, boot: bootId(), isClean: true, crashes: 0, crashedAtMs: 0 });
      }),
  };
}

async function readCurrent(file: string, directory: string): Promise<Current> {
  let text = "";
  try {
    text = await readFile(file, "utf8");
    const { generation, boot, isClean, crashes, crashedAtMs } = (JSON.parse(text) ?? {}) as Partial<Current>;
    if (Number.isSafeInteger(generation) && generation !== undefined) {
      const counted = { crashes: Number(crashes) || 0, crashedAtMs: Number(crashedAtMs) || 0 };
      return { generation, boot: String(boot), isClean: isClean === true, ...counted };
    }
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (!isMissing && !(cause instanceof SyntaxError)) throw cause;
  }
  // None yet, or a power cut has emptied it.
  const numbers = (await readdir(directory)).map((name) => Number.parseInt(name, 10)).filter(Number.isSafeInteger);
  const isNew = numbers.length === 0;
  return { generation: isNew ? 1 : Math.max(...numbers), boot: "", isClean: isNew, crashes: 0, crashedAtMs: 0 };
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
