/**
 * Makes files and names durable, many together: what comes while a flush runs goes into the next one. A few are flushed one by one; from
 * some on, the whole file system is, which costs the same however many they are. Rejects for all who shared a flush that failed: none of
 * their files may be called durable.
 */

import { closeSync, fsync, fsyncSync, openSync, statSync } from "node:fs";
import { errnoOf } from "postern/store";

/** `null`: that cannot be done here. */
export type SyncFileSystem = (path: string) => Promise<void> | null;

interface Waiting {
  /** An open file, or the path of a directory. */
  readonly what: number | string;
  /** Whose file system it is. */
  readonly directory: string;
  resolve(): void;
  reject(cause: unknown): void;
}

/** Beyond so many things, flushing the file system is cheaper than each of them: an fsync costs some 0.3 ms of CPU, that twice as much. */
const ONE_BY_ONE = 2;
/** How long the first lets others come, at most: a turn of the event loop that brings nobody ends it. */
const GATHER_MS = 5;
const DEVICES_LIMIT = 10_000;

export class Flush {
  readonly #syncFileSystem: SyncFileSystem;
  readonly #devices = new Map<string, number>();
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(syncFileSystem: SyncFileSystem = () => null) {
    this.#syncFileSystem = syncFileSystem;
  }

  /** Resolves when what was written to the file is on disk. It stays open until then. */
  file(fd: number, directory: string): Promise<void> {
    return this.#add(fd, directory);
  }

  /** Resolves when every rename into `path` that was made before this call is on disk. */
  directory(path: string): Promise<void> {
    return this.#add(path, path);
  }

  #add(what: number | string, directory: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ what, directory, resolve, reject });
      if (!this.#isRunning) this.#gather();
    });
  }

  /** Whoever comes in the turns that follow is flushed along, as long as each brings somebody. */
  #gather(): void {
    this.#isRunning = true;
    const untilMs = performance.now() + GATHER_MS;
    const look = (before: number): void => {
      const { length } = this.#waiting;
      if (length > before && performance.now() < untilMs) setImmediate(look, length);
      else void this.#run();
    };
    setImmediate(look, this.#waiting.length);
  }

  async #run(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      await (batch.length > ONE_BY_ONE ? this.#together(batch) : oneByOne(batch));
    } catch (cause) {
      // Who has an answer already does not hear this one.
      for (const { reject } of batch) reject(cause);
    }
    this.#isRunning = false;
    if (this.#waiting.length > 0) this.#gather();
  }

  async #together(batch: readonly Waiting[]): Promise<void> {
    const byDevice = new Map<number, Waiting[]>();
    for (const waiting of batch) {
      const device = this.#deviceOf(waiting.directory);
      const group = byDevice.get(device);
      if (group) group.push(waiting);
      else byDevice.set(device, [waiting]);
    }
    await Promise.all([...byDevice.values()].map((group) => this.#group(group)));
  }

  async #group(group: readonly Waiting[]): Promise<void> {
    const [first] = group;
    const synced = group.length > ONE_BY_ONE && first ? this.#syncFileSystem(first.directory) : null;
    if (!synced) return oneByOne(group);
    await synced.then(
      () => {
        for (const { resolve } of group) resolve();
      },
      (cause: unknown) => {
        for (const { reject } of group) reject(cause);
      },
    );
  }

  #deviceOf(directory: string): number {
    const known = this.#devices.get(directory);
    if (known !== undefined) return known;
    if (this.#devices.size >= DEVICES_LIMIT) this.#devices.clear();
    const { dev = 0 } = statSync(directory, { throwIfNoEntry: false }) ?? {};
    this.#devices.set(directory, dev);
    return dev;
  }
}

/** Each by itself, a directory once for all. */
async function oneByOne(batch: readonly Waiting[]): Promise<void> {
  const flushes = new Map<number | string, Promise<void>>();
  for (const { what } of batch) if (!flushes.has(what)) flushes.set(what, flushed(what));
  await Promise.all(batch.map(({ what, resolve, reject }) => flushes.get(what)?.then(resolve, reject)));
}

async function flushed(what: number | string): Promise<void> {
  if (typeof what === "number") return flushedFile(what);
  const fd = openSync(what, "r");
  try {
    await flushedFile(fd);
  } finally {
    closeSync(fd);
  }
}

const flushedFile = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => fsync(fd, (cause) => (cause ? reject(cause) : resolve())));

/** For the few directories that are made for a new mailbox. One that we may not read holds nothing that we made. */
export function flushDirectoryNow(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    if (errnoOf(cause) !== "EACCES") throw cause;
    return;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
