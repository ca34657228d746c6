/**
 * The accounts file, followed on disk. A changed file is read as a whole, once it has rested, and takes the place of the former
 * content in one step: one that is just being written is never taken for a list of fewer people. A broken or missing one is logged once, with file and line, and the former content stays. Until the file has been
 * read once there is no content at all: `null`, which is "cannot tell now", never "unknown".
 */
import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "postern/plugin";
import { AccountIndex, type IndexOptions } from "./account-index.ts";
import type { AccountsContent } from "./content.ts";
import type { AccountsFormat } from "./format.ts";

/** The file is looked at at most this often. */
const CHECK_EVERY_MS = 1_000;
/** So long nobody has written into it. */
const REST_MS = 1_000;
/** A file that changes all the time is not waited for. */
const WAIT_LIMIT = 3;

export interface AccountsFileOptions extends IndexOptions {
  /** Absolute. */
  readonly path: string;
  readonly format: AccountsFormat;
}

export class AccountsFile {
  readonly path: string;
  readonly #options: AccountsFileOptions;
  readonly #log: Log;
  #index: AccountIndex | null = null;
  /** Of the file as it was last looked at, good or broken. */
  #seen: Look | null = null;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | null = null;
  #watcher: FSWatcher | null = null;

  constructor(options: AccountsFileOptions, log: Log) {
    this.path = options.path;
    this.#options = options;
    this.#log = log;
  }

  /** What is known now; looks at the file beside it. */
  current(): AccountIndex | null {
    if (this.#isStale()) this.#refreshBeside();
    return this.#index;
  }

  /** What is known after having looked at the file, if that has not been done a moment ago: before "unknown" is said. */
  async latest(): Promise<AccountIndex | null> {
    if (this.#isStale() || this.#refreshing) await this.refresh();
    return this.#index;
  }

  /** Whether `latest` has something to wait for. */
  get isSettled(): boolean {
    return !this.#isStale() && this.#refreshing === null;
  }

  /** Looks at the file now. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Reads and parses the file as it is, without taking it over. Rejects with `AccountsFileError` or a file system error. */
  async read(): Promise<{ readonly text: string; readonly content: AccountsContent }> {
    const text = await readFile(this.path, "utf8");
    return { text, content: this.#options.format.parse(text, this.path, this.#options.domains) };
  }

  watch(): void {
    try {
      // The directory, as editors put a new file in the old one's place. A hint: what is missed is found when asked.
      this.#watcher = watch(dirname(this.path), { persistent: false }, () => this.#refreshBeside());
      this.#watcher.on("error", () => this.unwatch());
    } catch (error) {
      this.#log.debug({ path: this.path, err: error }, "accounts file is not watched, but looked at when asked");
    }
  }

  unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  #isStale(): boolean {
    return performance.now() - this.#checkedAt >= CHECK_EVERY_MS;
  }

  #refreshBeside(): void {
    void this.refresh();
  }

  async #refresh(): Promise<void> {
    this.#checkedAt = performance.now();
    const now = await this.#rested();
    if (now === null) return;
    try {
      const { content } = await this.read();
      // Changed while it was read: what was read may be half of each. The next look takes it.
      if ((await lookAt(this.path)).text !== now.text) return;
      this.#index = new AccountIndex(content, this.#options);
      for (const { line, text } of content.warnings) this.#log.warn({ at: `${this.path}:${line}` }, text);
      this.#log.info({ path: this.path, accounts: this.#index.all.length }, "accounts read");
    } catch (error) {
      const cause = readFault(this.path, error);
      this.#log.error(
        { cause },
        this.#index ? "accounts file not taken; the former content stays" : "accounts file cannot be used",
      );
    }
    this.#seen = now;
  }

  /** `null`: there is nothing new, or it does not rest; the next look tells. Whoever has no content yet waits for nothing. */
  async #rested(): Promise<Look | null> {
    for (let waits = 0; waits <= WAIT_LIMIT; waits += 1) {
      const now = await lookAt(this.path);
      if (now.text === this.#seen?.text) return null;
      const leftMs = this.#index === null || isRenamed(now, this.#seen) ? 0 : REST_MS - now.ageMs;
      if (leftMs <= 0) return now;
      if (waits < WAIT_LIMIT) await sleep(Math.min(leftMs, REST_MS), undefined, { ref: false });
    }
    return null;
  }
}

/** A file that came whole under another name: it was renamed after the last octet had been written. */
const isRenamed = (now: Look, before: Look | null): boolean => now.inode !== before?.inode && now.isRenamed;

export function readFault(path: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return `${path}: there is no such file`;
  if (code === "EACCES") return `${path}: this user may not read it`;
  if (code === "EISDIR") return `${path}: it is a directory`;
  return error instanceof Error ? error.message : String(error);
}

interface Look {
  /** Differs when the file does. */
  readonly text: string;
  readonly inode: number | null;
  /** Its place, or its mode, was changed behind its content. */
  readonly isRenamed: boolean;
  readonly ageMs: number;
}

async function lookAt(path: string): Promise<Look> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    const text = `${ino}.${size}.${mtimeMs}.${ctimeMs}`;
    // A clock that was set back makes it look younger than a file can be.
    const ageMs = Math.abs(Date.now() - ctimeMs);
    return { text, inode: ino, isRenamed: size > 0 && ctimeMs > mtimeMs, ageMs };
  } catch (error) {
    const text = String((error as NodeJS.ErrnoException).code);
    return { text, inode: null, isRenamed: false, ageMs: Number.POSITIVE_INFINITY };
  }
}
