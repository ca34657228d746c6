/**
 * A file that is read again when it has changed, looked at no more than once a second and only when somebody asks. The new
 * content replaces the old at once and whole. A file is taken only when it has rested: one that is just being written, in place
 * or by copying, is never seen half or empty. If it cannot be read any more, the old content stays in force and the log says why.
 */
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { TableMistake } from "../contracts/tables.ts";
import { inSlices, type Slices } from "./slices.ts";

const LOOK_EVERY_MS = 1_000;
const OPENING_TRIES = 5;
/** Nobody waits for a larger one to be read anew. */
const WAITED_FOR_BYTES = 256 * 1024;
/** Mistakes of one reading that the log has; `postern map check` lists all of them. */
const TOLD_LIMIT = 100;

export interface Parsed<T> {
  readonly content: T;
  readonly mistakes: readonly TableMistake[];
}

export interface FileParts<T> {
  readonly path: string;
  /** Never throws: what is wrong is among the mistakes. */
  readonly parse: (text: string) => Slices<Parsed<T>>;
  readonly log: Log;
  readonly clock: Clock;
}

interface Version {
  readonly text: string;
  readonly sizeBytes: number;
  readonly changedAtMs: number;
}

export class WatchedFile<T> {
  readonly #parts: FileParts<T>;
  #parsed: Parsed<T>;
  /** What is in force. */
  #version: Version;
  /** Seen at the last look, and not known to be whole. */
  #unrested: string | null = null;
  #lookedAtMs: number;
  #looking: Promise<void> | null = null;
  /** A large file is being read. */
  #isTaking = false;
  #fault: string | null = null;

  private constructor(parts: FileParts<T>, read: { parsed: Parsed<T>; version: Version }) {
    this.#parts = parts;
    this.#parsed = read.parsed;
    this.#version = read.version;
    this.#lookedAtMs = parts.clock.now();
    this.#tellMistakes();
  }

  /** Rejects if the file cannot be read. */
  static async open<T>(parts: FileParts<T>): Promise<WatchedFile<T>> {
    for (let left = OPENING_TRIES; ; left -= 1) {
      const read = await readWhole(parts, await versionOf(parts.path));
      if (read.isWhole || left === 0) return new WatchedFile(parts, read);
    }
  }

  get mistakes(): readonly TableMistake[] {
    return this.#parsed.mistakes;
  }

  /** What is in force now, whether it is time to look or not. */
  get inForce(): T {
    return this.#parsed.content;
  }

  /** Answers at once unless it is time to look. */
  current(): T | Promise<T> {
    const isFresh = Math.abs(this.#parts.clock.now() - this.#lookedAtMs) < LOOK_EVERY_MS;
    if (this.#isTaking || (isFresh && !this.#looking)) return this.#parsed.content;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking.then(() => this.#parsed.content);
  }

  async #look(): Promise<void> {
    const { path, clock } = this.#parts;
    this.#lookedAtMs = clock.now();
    try {
      const version = await versionOf(path);
      if (version.text === this.#version.text) this.#unrested = null;
      else if (version.text === this.#unrested || clock.now() - version.changedAtMs >= LOOK_EVERY_MS) {
        if (version.sizeBytes > WAITED_FOR_BYTES) this.#takeBeside(version);
        else await this.#take(version);
      } else this.#unrested = version.text;
      this.#fault = null;
    } catch (cause) {
      this.#tellFault(cause);
    }
  }

  #tellFault(cause: unknown): void {
    const { path, log } = this.#parts;
    const fault = String(cause);
    if (fault !== this.#fault)
      log.error({ table: path, cause: fault }, "table cannot be read: its former content stays in force");
    this.#fault = fault;
  }

  #takeBeside(version: Version): void {
    this.#isTaking = true;
    this.#take(version)
      .catch((cause: unknown) => this.#tellFault(cause))
      .finally(() => {
        this.#isTaking = false;
      });
  }

  async #take(version: Version): Promise<void> {
    const read = await readWhole(this.#parts, version);
    if (!read.isWhole) {
      this.#unrested = read.version.text;
      return;
    }
    this.#parsed = read.parsed;
    this.#version = read.version;
    this.#unrested = null;
    this.#parts.log.info({ table: this.#parts.path }, "table reloaded");
    this.#tellMistakes();
  }

  #tellMistakes(): void {
    const { path, log } = this.#parts;
    const { mistakes } = this.#parsed;
    for (const { line, text } of mistakes.slice(0, TOLD_LIMIT))
      log.warn({ table: path, line }, `${path}:${line ?? ""}: ${text}`);
    if (mistakes.length > TOLD_LIMIT)
      log.warn({ table: path, more: mistakes.length - TOLD_LIMIT }, `${path}: and more mistakes like these`);
  }
}

/** Whole if nobody changed it while it was read. */
async function readWhole<T>(
  { path, parse }: FileParts<T>,
  before: Version,
): Promise<{ parsed: Parsed<T>; version: Version; isWhole: boolean }> {
  const text = await readFile(path, "utf8");
  const version = await versionOf(path);
  return { parsed: await inSlices(parse(text)), version, isWhole: version.text === before.text };
}

async function versionOf(path: string): Promise<Version> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return {
    text: `${ino}:${size}:${mtimeNs}:${ctimeNs}`,
    sizeBytes: Number(size),
    changedAtMs: Number(ctimeNs / 1_000_000n),
  };
}
