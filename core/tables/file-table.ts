/**
 * `hash:FILE`: a text file held in memory, looked at again when it has changed. The new content replaces the old at once
 * and whole. If it cannot be read any more, the old content stays in force and the log says why.
 */
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table } from "../contracts/tables.ts";
import { parseTextTable } from "./text-table.ts";

const CHECK_INTERVAL_MS = 1_000;

export async function openFileTable(path: string, log: Log, clock: Clock): Promise<Table> {
  const table = new FileTable(path, log, clock);
  await table.load();
  return table;
}

class FileTable implements Table {
  readonly #path: string;
  readonly #log: Log;
  readonly #clock: Clock;
  #entries: ReadonlyMap<string, string> = new Map();
  #version = "";
  #checkedAt = 0;
  #checking: Promise<void> | null = null;

  constructor(path: string, log: Log, clock: Clock) {
    this.#path = path;
    this.#log = log.child({ table: path });
    this.#clock = clock;
  }

  get(key: string): string | null | Promise<string | null> {
    const isFresh = Math.abs(this.#clock.now() - this.#checkedAt) < CHECK_INTERVAL_MS;
    if (isFresh && !this.#checking) return this.#entries.get(key) ?? null;
    this.#checking ??= this.#refresh().finally(() => {
      this.#checking = null;
    });
    return this.#checking.then(() => this.#entries.get(key) ?? null);
  }

  /** Reads the file as it is now. Rejects if it cannot be read. */
  async load(): Promise<void> {
    this.#checkedAt = this.#clock.now();
    const version = await this.#versionOnDisk();
    const { entries, mistakes } = parseTextTable(await readFile(this.#path, "utf8"));
    for (const { line, text } of mistakes)
      this.#log.warn({ line }, `${this.#path}:${line}: ${text}; the line is left out`);
    this.#entries = entries;
    this.#version = version;
  }

  async #refresh(): Promise<void> {
    try {
      this.#checkedAt = this.#clock.now();
      if ((await this.#versionOnDisk()) === this.#version) return;
      await this.load();
      this.#log.info({ entries: this.#entries.size }, "table reloaded");
    } catch (cause) {
      this.#log.error({ cause: String(cause) }, "table cannot be read: its former content stays in force");
    }
  }

  async #versionOnDisk(): Promise<string> {
    const { ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  }
}
