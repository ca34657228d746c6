/**
 * One message on disk: where it stands now, and what has been found out about it. Shared by all entries that ever showed
 * it. Its name changes with its flags; whoever finds it missing under the name looks for the base name once more.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { countBareLf, errnoOf } from "postern/store";
import { baseOf, sizesIn } from "./file-name.ts";
import { quietSince, timesOf } from "./scan.ts";
import { recordField } from "./uidlist-format.ts";

export type Where = "new" | "cur";

/** A message that has a UID, where it was found. */
export interface KnownFile {
  readonly where: Where;
  readonly name: string;
  readonly base: string;
  readonly uid: number;
  /** Of the list of UIDs: Dovecot keeps sizes there that the name has not. */
  readonly fields: string;
}

const COUNT_BYTES = 64 * 1024;
/** Nothing comes in between while a file is counted. */
const counted = Buffer.allocUnsafeSlow(COUNT_BYTES);
const MAX_LISTINGS = 15;
const PAUSE_MS = 3;
const pause = new Int32Array(new SharedArrayBuffer(4));

const openPath = (path: string): number =>
  openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

export class MessageFile {
  readonly directory: string;
  readonly base: string;
  readonly uid: number;
  where: Where;
  /** Base name and `:2,` with letters. */
  name: string;
  /** Number of the last scan that saw it. */
  seenIn = 0;
  /** Was found under another name outside of a comparison: the next one looks at its flags again. */
  isMoved = false;
  /** Told when something was found out that costs a look at the file. */
  onLearned: ((file: MessageFile) => void) | null = null;
  #dateMs = -1;
  #sizeBytes = -1;
  #diskBytes = -1;
  readonly #fields: string;

  constructor(directory: string, { where, name, base, uid, fields }: KnownFile) {
    this.#fields = fields;
    this.directory = directory;
    this.base = base;
    this.where = where;
    this.name = name;
    this.uid = uid;
  }

  /** The internal date as far as it is known without looking; -1: not yet. */
  get knownDate(): number {
    return this.#dateMs;
  }

  /** As `knownDate`. */
  get knownSizeBytes(): number {
    return this.#sizeBytes;
  }

  /** From somebody who has looked. */
  recall({ internalDate, sizeBytes }: { readonly internalDate: number; readonly sizeBytes: number }): void {
    if (this.#dateMs < 0) this.#dateMs = internalDate;
    if (this.#sizeBytes < 0) this.#sizeBytes = sizeBytes;
  }

  get path(): string {
    return `${this.directory}/${this.where}/${this.name}`;
  }

  /** RFC 3501 2.3.3, kept as the time of the file. 0 for a message that is gone. */
  get internalDate(): number {
    if (this.#dateMs < 0) {
      const stats = this.#tolerant(() => lstatSync(this.path));
      if (!stats) return 0;
      this.#dateMs = Math.trunc(stats.mtimeMs);
      this.onLearned?.(this);
    }
    return this.#dateMs;
  }

  /** Octets with CRLF line ends: from the name or the list of UIDs, else by counting. 0 for a message that is gone. */
  get sizeBytes(): number {
    if (this.#sizeBytes < 0) {
      const named = sizesIn(this.base);
      const sizeBytes = named.sizeBytes ?? sizeField(this.#fields, "W");
      const diskBytes = named.diskBytes ?? sizeField(this.#fields, "S");
      if (sizeBytes === null) this.#tolerant(() => this.#count());
      else if (diskBytes !== null) this.learnSizes(diskBytes, sizeBytes);
      else this.#tolerant(() => this.learnSizes(lstatSync(this.path).size, sizeBytes));
    }
    return Math.max(this.#sizeBytes, 0);
  }

  /** Whether the file has CRLF throughout, given its size as it is now: then it can be sent as it stands. */
  isCrlf(diskBytes: number): boolean {
    return this.sizeBytes === diskBytes && this.#diskBytes === diskBytes;
  }

  /** Octets of the file if it has CRLF throughout, as far as is known; -1 if it has not. */
  get crlfBytes(): number {
    return this.sizeBytes === this.#diskBytes ? this.#diskBytes : -1;
  }

  /** What a name says does not hold for a file of another size (edited, or compressed by another program): count. */
  trustOnly(diskBytes: number): void {
    if (this.sizeBytes >= 0 && this.#diskBytes !== diskBytes) this.#tolerant(() => this.#count());
  }

  /** By the way, from somebody who has opened the file. */
  learnDate(mtimeMs: number): void {
    if (this.#dateMs >= 0) return;
    this.#dateMs = Math.trunc(mtimeMs);
    this.onLearned?.(this);
  }

  learnSizes(diskBytes: number, sizeBytes: number): void {
    this.#diskBytes = diskBytes;
    this.#sizeBytes = sizeBytes;
    // What the name says costs nothing to find out again.
    if (sizesIn(this.base).sizeBytes === null) this.onLearned?.(this);
  }

  /** Most messages fit into the buffer: three calls of the system. */
  #count(): void {
    const fd = this.openUnseen();
    try {
      let total = 0;
      let missing = 0;
      let before = 0;
      for (let count = counted.length; count === counted.length; total += count) {
        if (total === counted.length) assertMessage(fd);
        count = readSync(fd, counted, 0, counted.length, total);
        missing += countBareLf(counted.subarray(0, count), before);
        before = counted[count - 1] ?? 0;
      }
      this.learnSizes(total, total + missing);
    } finally {
      closeSync(fd);
    }
  }

  /** A descriptor of the file; `expunged` if it is gone. Never follows a link out of the mailbox. */
  open(): number {
    const fd = this.openUnseen();
    try {
      assertMessage(fd);
      return fd;
    } catch (cause) {
      closeSync(fd);
      throw cause;
    }
  }

  /** The same of anything that has this name, be it a message or not. */
  openUnseen(): number {
    return this.located(openPath);
  }

  /** Runs `work` on the path, again if somebody renamed the file meanwhile; `expunged` if it is gone. */
  located<T>(work: (path: string) => T): T {
    for (let tries = 0; ; tries++) {
      try {
        return work(this.path);
      } catch (cause) {
        if (errnoOf(cause) !== "ENOENT") throw cause;
        if (tries > 20 || !this.find()) throw new StoreError("expunged", "The message is gone", { cause });
      }
    }
  }

  /**
   * Looks for the base name in both directories; a listing, for the rare case that another program renamed the file. While others rename,
   * a listing may lack what is there: it is gone when it is missing in one in which nothing changed.
   */
  find(): boolean {
    for (let listing = 0; listing < MAX_LISTINGS; listing++) {
      const times = timesOf(this.directory);
      if (!times) return false;
      const isQuiet = quietSince(times);
      if (this.#look()) return true;
      const after = timesOf(this.directory);
      if (!after || isQuiet(after)) return false;
      // Shorter than a turn of the loop would be, and there is nothing else to go on with.
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
    return false;
  }

  #look(): boolean {
    for (const where of ["cur", "new"] as const) {
      for (const name of namesIn(join(this.directory, where))) {
        if (!name.startsWith(this.base) || baseOf(name) !== this.base) continue;
        this.isMoved ||= name !== this.name || where !== this.where;
        this.where = where;
        this.name = name;
        return true;
      }
    }
    return false;
  }

  #tolerant<T>(work: () => T): T | null {
    try {
      return this.located(() => work());
    } catch (cause) {
      if (cause instanceof StoreError && (cause.code === "expunged" || cause.code === "noPermission")) return null;
      // A directory, or a pipe, is no message.
      if (["ENOENT", "EISDIR", "EAGAIN"].includes(errnoOf(cause))) return null;
      throw cause;
    }
  }
}

function assertMessage(fd: number): void {
  if (!fstatSync(fd).isFile()) throw new StoreError("noPermission", "This is no message");
}

function sizeField(fields: string, key: "S" | "W"): number | null {
  const value = recordField(fields, key);
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

/** Names in a directory; none if it is gone. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw cause;
  }
}
