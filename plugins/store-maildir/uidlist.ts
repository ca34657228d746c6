/**
 * `dovecot-uidlist` of one mailbox in memory: which base name has which UID. Read at any time (only what was appended,
 * where it can be told), written only by whoever holds `dovecot-uidlist.lock`; on the disk before anybody hears of the UIDs.
 * A damaged file is written anew; one that cannot be read as a list at all is replaced under a new UIDVALIDITY.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { errnoOf } from "./errors.ts";
import {
  headerText,
  MAX_UID,
  parseHeader,
  parseRecord,
  recordText,
  type UidListHeader,
  type UidRecord,
} from "./uidlist-format.ts";

export type Refreshed = "missing" | "unchanged" | "appended" | "replaced";

const MAX_LIST_BYTES = 512 * 1024 * 1024;

export class UidList {
  readonly path: string;
  readonly records = new Map<string, UidRecord>();
  #header: UidListHeader | null = null;
  #nextUid = 1;
  #lastUid = 0;
  /** Of the file as read: to tell an append from a replacement. */
  #inode = 0n;
  #readBytes = 0;
  #mtimeNs = 0n;
  #lines = 0;
  /** Must be written anew before anything is appended. */
  #isDamaged = false;

  constructor(directory: string) {
    this.path = join(directory, "dovecot-uidlist");
  }

  get uidValidity(): number {
    return this.#header?.uidValidity ?? 0;
  }

  get nextUid(): number {
    return this.#nextUid;
  }

  /** Takes in what others wrote. `missing` also for a file that is no list. */
  refresh(): Refreshed {
    const seen = statSync(this.path, { bigint: true, throwIfNoEntry: false });
    if (!seen) return "missing";
    const isSame = seen.ino === this.#inode && this.#header !== null;
    if (isSame && seen.size === BigInt(this.#readBytes) && seen.mtimeNs === this.#mtimeNs) return "unchanged";
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
      const isTail = isSame && ino === this.#inode && Number(size) > this.#readBytes;
      const from = isTail ? this.#readBytes : 0;
      if (!isTail) this.#forget();
      this.#inode = ino;
      this.#mtimeNs = mtimeNs;
      this.#take(readFrom(fd, from, Number(size) - from), isTail);
      if (!this.#header) return "missing";
      return isTail ? "appended" : "replaced";
    } finally {
      closeSync(fd);
    }
  }

  #forget(): void {
    this.records.clear();
    this.#header = null;
    this.#lastUid = 0;
    this.#readBytes = 0;
    this.#lines = 0;
    this.#isDamaged = false;
  }

  #take(bytes: Buffer, isTail: boolean): void {
    // A line without its end is still being written, or was never finished.
    const whole = bytes.lastIndexOf(10) + 1;
    this.#isDamaged ||= whole < bytes.length;
    this.#readBytes += bytes.length;
    const lines = bytes.toString("utf8", 0, whole).split("\n");
    lines.pop();
    if (!isTail) {
      this.#header = parseHeader(lines.shift() ?? "");
      if (!this.#header) return;
      this.#nextUid = Math.max(this.#nextUid, this.#header.nextUid);
      this.#isDamaged ||= this.#header.version !== 3 || this.#header.guid === "";
    }
    for (const line of lines) {
      const record = parseRecord(line, this.#header?.version ?? 3);
      if (record && record.uid > this.#lastUid) this.#remember(record);
      else this.#isDamaged = true;
    }
  }

  #remember(record: UidRecord): void {
    this.#lines++;
    this.#lastUid = record.uid;
    // A name twice: the message went away and came back. The later UID holds, as in Dovecot.
    this.records.delete(record.base);
    this.records.set(record.base, record);
    if (record.uid >= this.#nextUid) this.#nextUid = record.uid + 1;
  }

  /** The message is gone for good; its line disappears when the file is next written anew. */
  forget(base: string): void {
    this.records.delete(base);
  }

  /** Under the lock. Makes the list of a mailbox that has none. */
  async create(uidValidity: number): Promise<void> {
    this.#forget();
    const guid = randomBytes(16).toString("hex");
    // RFC 3501 2.3.1.1: after a new UIDVALIDITY, UIDs may start anew.
    this.#nextUid = 1;
    this.#header = { uidValidity, nextUid: 1, guid, others: "", version: 3 };
    await this.rewrite();
  }

  /** Under the lock, after `refresh`. Gives UIDs in the order of `bases`; durable when it resolves. */
  async assign(bases: readonly string[]): Promise<readonly UidRecord[]> {
    const first = Math.max(this.#nextUid, this.#lastUid + 1);
    if (first + bases.length > MAX_UID) throw new StoreError("limit", "The mailbox has run out of UIDs");
    const records = bases.map((base, index) => ({ uid: first + index, base, fields: "" }));
    for (const record of records) this.#remember(record);
    const ghosts = this.#lines - this.records.size;
    if (this.#isDamaged || ghosts > 100 + this.records.size / 3) await this.rewrite();
    else await this.#append(records);
    return records;
  }

  async #append(records: readonly UidRecord[]): Promise<void> {
    const bytes = Buffer.from(records.map(recordText).join(""));
    const fd = openSync(this.path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    try {
      writeAll(fd, bytes);
      await flushed(fd);
      this.#noteWritten(fd);
    } catch (cause) {
      // Whatever stands there now is read again, and written anew if it is half a line.
      this.#inode = 0n;
      throw cause;
    } finally {
      closeSync(fd);
    }
  }

  /** Under the lock. Writes the whole list into its place. */
  async rewrite(): Promise<void> {
    if (!this.#header) throw new StoreError("corruption", "The mailbox has no list of UIDs");
    const header: UidListHeader = {
      ...this.#header,
      version: 3,
      guid: this.#header.guid || randomBytes(16).toString("hex"),
    };
    const sorted = [...this.records.values()].sort((a, b) => a.uid - b.uid);
    const temporary = `${this.path}.tmp`;
    writeFileSync(temporary, headerText(header, this.#nextUid) + sorted.map(recordText).join(""), { mode: 0o600 });
    const fd = openSync(temporary, constants.O_RDONLY);
    try {
      await flushed(fd);
      renameSync(temporary, this.path);
      this.#header = header;
      this.#lines = sorted.length;
      this.#isDamaged = false;
      this.#noteWritten(fd);
    } finally {
      closeSync(fd);
    }
  }

  #noteWritten(fd: number): void {
    const { ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
    this.#inode = ino;
    this.#readBytes = Number(size);
    this.#mtimeNs = mtimeNs;
  }
}

function readFrom(fd: number, start: number, length: number): Buffer {
  if (length > MAX_LIST_BYTES) throw new StoreError("corruption", "The list of UIDs is too large");
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const count = readSync(fd, bytes, at, length - at, start + at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

const flushed = (fd: number): Promise<void> =>
  new Promise((resolve, reject) =>
    fdatasync(fd, (cause) => (cause && errnoOf(cause) !== "EINVAL" ? reject(cause) : resolve())),
  );
