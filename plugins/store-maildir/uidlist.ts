/**
 * `dovecot-uidlist` of one mailbox in memory: which base name has which UID. Read at any time (only what was appended,
 * where it can be told), written only by whoever holds `dovecot-uidlist.lock`; on the disk before anybody hears of the UIDs, but for
 * those of a list that is made (`create`).
 * A line that makes no sense is reported, and the list as it was is kept beside it before it is written anew; one that
 * cannot be read as a list at all is replaced under a new UIDVALIDITY.
 */

import { createHash, randomBytes } from "node:crypto";
import {
  type BigIntStats,
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
import { dirname, join } from "node:path";
import { StoreError } from "postern/plugin";
import { errnoOf, ignoreMissing, shareFile } from "postern/store";
import { type Damage, keepDamaged } from "./damaged.ts";
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

/** RFC 1939 7: 1 to 70 characters, none of them a space. */
const UNIQUE_ID = /^[!-~]{1,70}$/;

/** Of a message that comes from another server. */
export interface KnownElsewhere {
  readonly uid?: number;
  readonly uniqueId?: string;
}

/** Resolves when what was written to the open file is on the disk. */
type FlushFile = (fd: number) => Promise<void>;

const MAX_LIST_BYTES = 512 * 1024 * 1024;

export class UidList {
  readonly path: string;
  readonly records = new Map<string, UidRecord>();
  readonly #report: (damage: Damage) => void;
  readonly #flushed: FlushFile;
  #header: UidListHeader | null = null;
  #nextUid = 1;
  #lastUid = 0;
  /** Of the file as read: to tell an append from a replacement. */
  #identity = "";
  /** Up to the end of the last whole line; what follows is read again. */
  #readBytes = 0;
  #seenBytes = 0;
  #seenLines = 0;
  #mtimeNs = 0n;
  /** Records in the file, those that do not hold any more among them. */
  #lines = 0;
  /** Must be written anew before anything is appended. */
  #isOutdated = false;
  #hasBadLines = false;
  /** It was made, and not flushed since. */
  #isUnsettled = false;

  constructor(directory: string, report: (damage: Damage) => void, flushed: FlushFile = flushedAlone) {
    this.path = join(directory, "dovecot-uidlist");
    this.#report = report;
    this.#flushed = flushed;
  }

  /** RFC 8474. Of a list that has none yet (Dovecot before 1.1), made of what does not change until it is written anew. */
  get mailboxId(): string {
    return this.#header?.guid || guidFor(this.path, this.uidValidity);
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
    const isSame = identityOf(seen) === this.#identity && this.#header !== null;
    if (isSame && seen.size === BigInt(this.#seenBytes) && seen.mtimeNs === this.#mtimeNs) return "unchanged";
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const opened = fstatSync(fd, { bigint: true });
      const size = Number(opened.size);
      const isTail = isSame && identityOf(opened) === this.#identity && size > this.#seenBytes;
      const from = isTail ? this.#readBytes : 0;
      if (!isTail) this.#forget();
      this.#identity = identityOf(opened);
      this.#mtimeNs = opened.mtimeNs;
      this.#take(readFrom(fd, from, size - from), isTail);
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
    this.#seenBytes = 0;
    this.#seenLines = 0;
    this.#lines = 0;
    this.#isOutdated = false;
    this.#hasBadLines = false;
  }

  #take(bytes: Buffer, isTail: boolean): void {
    // A line without its end is still being written, or was never finished: it waits for the rest.
    const whole = bytes.lastIndexOf(10) + 1;
    this.#seenBytes = this.#readBytes + bytes.length;
    this.#readBytes += whole;
    const lines = bytes.toString("utf8", 0, whole).split("\n");
    lines.pop();
    const first = this.#seenLines + (isTail ? 1 : 2);
    this.#seenLines += lines.length;
    if (!isTail) {
      this.#header = parseHeader(lines.shift() ?? "");
      if (!this.#header) {
        this.#bad([1]);
        return;
      }
      this.#nextUid = Math.max(this.#nextUid, this.#header.nextUid);
      this.#isOutdated ||= this.#header.version !== 3 || this.#header.guid === "";
    }
    const bad: number[] = [];
    const late: UidRecord[] = [];
    for (const [index, line] of lines.entries()) {
      const record = parseRecord(line, this.#header?.version ?? 3);
      if (record && record.uid > this.#lastUid) this.#remember(record);
      else {
        bad.push(first + index);
        if (record) late.push(record);
      }
    }
    if (late.length > 0) this.#rememberLate(late);
    if (bad.length > 0) this.#bad(bad);
  }

  #bad(lines: readonly number[]): void {
    this.#isOutdated = true;
    this.#hasBadLines = true;
    this.#report({ file: "dovecot-uidlist", lines });
  }

  /** Lines out of their order: their UIDs hold where nobody else has them. */
  #rememberLate(late: readonly UidRecord[]): void {
    const taken = new Set([...this.records.values()].map(({ uid }) => uid));
    for (const record of late) {
      if (taken.has(record.uid) || this.records.has(record.base)) continue;
      taken.add(record.uid);
      this.records.set(record.base, record);
    }
  }

  #remember(record: UidRecord): void {
    this.#lines++;
    this.#lastUid = record.uid;
    // A name twice: the message went away and came back. The later UID holds, as in Dovecot.
    this.records.set(record.base, record);
    if (record.uid >= this.#nextUid) this.#nextUid = record.uid + 1;
  }

  /** The message is gone for good; its line disappears when the file is next written anew. */
  forget(base: string): void {
    this.records.delete(base);
  }

  /** Under the lock, after `refresh`. UIDs below are not given any more. */
  async raiseNext(uid: number): Promise<void> {
    if (uid <= this.#nextUid) return;
    this.#nextUid = uid;
    await this.rewrite();
  }

  /** Under the lock. Makes the list of a mailbox that has none, with what is there already; `settle` makes it durable. */
  async create(
    uidValidity: number,
    before: { readonly nextUid: number; readonly records: readonly UidRecord[] },
  ): Promise<void> {
    if (this.#hasBadLines) keepDamaged(this.path);
    this.#forget();
    const guid = randomBytes(16).toString("hex");
    // RFC 3501 2.3.1.1: after a new UIDVALIDITY, UIDs may start anew.
    this.#nextUid = before.nextUid;
    this.#header = { uidValidity, nextUid: before.nextUid, guid, others: "", version: 3 };
    for (const record of before.records) this.#remember(record);
    this.#isUnsettled = true;
    await this.#replace({ isFlushed: false });
  }

  /** What was made is durable when it resolves; where that fails, it is written anew with the next UIDs. */
  async settle(): Promise<void> {
    if (!this.#isUnsettled) return;
    this.#isUnsettled = false;
    let fd = -1;
    // What another program has taken away is made anew by whoever looks next.
    ignoreMissing(() => {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    });
    if (fd < 0) return;
    try {
      await this.#flushed(fd);
    } catch (cause) {
      this.#isOutdated = true;
      throw cause;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Under the lock, after `refresh`. Gives UIDs in the order of `bases`; durable when it resolves. `known`: what messages from elsewhere
   * had there, by index.
   */
  async assign(bases: readonly string[], known: readonly KnownElsewhere[] = []): Promise<readonly UidRecord[]> {
    let next = Math.max(this.#nextUid, this.#lastUid + 1);
    const records = bases.map((base, index) => {
      const { uid = 0, uniqueId } = known[index] ?? {};
      const given = Math.max(next, uid);
      next = given + 1;
      return { uid: given, base, fields: uniqueId && UNIQUE_ID.test(uniqueId) ? `P${uniqueId}` : "" };
    });
    if (next > MAX_UID) throw new StoreError("limit", "The mailbox has run out of UIDs");
    for (const record of records) this.#remember(record);
    const ghosts = this.#lines - this.records.size;
    const isHalf = this.#readBytes < this.#seenBytes;
    if (this.#isOutdated || isHalf || ghosts > 100 + this.records.size / 3) await this.rewrite();
    else await this.#append(records);
    return records;
  }

  async #append(records: readonly UidRecord[]): Promise<void> {
    const bytes = Buffer.from(records.map(recordText).join(""));
    const fd = openSync(this.path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    try {
      writeAll(fd, bytes);
      await this.#flushed(fd);
      this.#isUnsettled = false;
      this.#seenLines += records.length;
      this.#noteWritten(fd);
    } catch (cause) {
      // Whatever stands there now is read again, and written anew if it is half a line.
      this.#identity = "";
      throw cause;
    } finally {
      closeSync(fd);
    }
  }

  /** Under the lock. Writes the whole list into its place. */
  rewrite(): Promise<void> {
    return this.#replace({ isFlushed: true });
  }

  async #replace({ isFlushed }: { readonly isFlushed: boolean }): Promise<void> {
    if (!this.#header) throw new StoreError("corruption", "The mailbox has no list of UIDs");
    const header: UidListHeader = {
      ...this.#header,
      version: 3,
      guid: this.mailboxId,
    };
    const sorted = [...this.records.values()].sort((a, b) => a.uid - b.uid);
    const temporary = `${this.path}.tmp`;
    writeFileSync(temporary, headerText(header, this.#nextUid) + sorted.map(recordText).join(""), { mode: 0o600 });
    shareFile(temporary, dirname(this.path));
    const fd = openSync(temporary, constants.O_RDONLY);
    try {
      if (isFlushed) {
        await this.#flushed(fd);
        this.#isUnsettled = false;
      }
      if (this.#hasBadLines) keepDamaged(this.path);
      renameSync(temporary, this.path);
      this.#header = header;
      this.#lines = sorted.length;
      this.#seenLines = sorted.length + 1;
      this.#isOutdated = false;
      this.#hasBadLines = false;
      this.#noteWritten(fd);
    } finally {
      closeSync(fd);
    }
  }

  #noteWritten(fd: number): void {
    const stats = fstatSync(fd, { bigint: true });
    this.#identity = identityOf(stats);
    this.#readBytes = this.#seenBytes = Number(stats.size);
    this.#mtimeNs = stats.mtimeNs;
  }
}

/** The number of an inode is given again as soon as the file is gone; the moment of its birth is not. */
const identityOf = ({ dev, ino, birthtimeNs }: BigIntStats): string => `${dev}.${ino}.${birthtimeNs}`;

const guidFor = (path: string, uidValidity: number): string =>
  createHash("sha256").update(`${path}\0${uidValidity}`).digest("hex").slice(0, 32);

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

const flushedAlone: FlushFile = (fd) =>
  new Promise((resolve, reject) =>
    fdatasync(fd, (cause) => (cause && errnoOf(cause) !== "EINVAL" ? reject(cause) : resolve())),
  );
