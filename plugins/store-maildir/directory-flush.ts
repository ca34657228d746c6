/**
 * Flushes directories: everybody who renamed into the same one while a flush is running shares the next.
 * Rejects for all who shared a flush that failed: none of their files may be called durable.
 */
import { close, closeSync, fsync, fsyncSync, openSync } from "node:fs";
import { errnoOf } from "./errors.ts";

interface Group {
  readonly done: Promise<void>;
  readonly start: () => void;
}

export class DirectoryFlush {
  readonly #running = new Map<string, Group | null>();

  /** Resolves when every rename into `path` that was made before this call is on disk. */
  flush(path: string): Promise<void> {
    const waiting = this.#running.get(path);
    if (waiting) return waiting.done;
    if (waiting === null) {
      let start = () => {};
      const done = new Promise<void>((resolve, reject) => {
        start = () => this.#run(path).then(resolve, reject);
      });
      this.#running.set(path, { done, start });
      return done;
    }
    return this.#run(path);
  }

  async #run(path: string): Promise<void> {
    this.#running.set(path, null);
    try {
      await flushNow(path);
    } finally {
      const next = this.#running.get(path);
      this.#running.delete(path);
      next?.start();
    }
  }
}

function flushNow(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fd = openSync(path, "r");
    fsync(fd, (cause) => {
      close(fd, () => (cause ? reject(cause) : resolve()));
    });
  });
}

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
