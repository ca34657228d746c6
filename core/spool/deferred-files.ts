/**
 * Messages that have left the journal, one file each: an accept record, then what happened, appended. A torn end is cut off
 * at the next append; a damaged accept record is `SPOOL_DAMAGED`. Names carry the due time, so listing reads no file.
 */
import { join } from "node:path";
import { errorCode, ignoreMissing, isMissing, SpoolError } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import type { IdTable } from "./id-table.ts";
import {
  bucketOf,
  type DeferredName,
  deferredFileName,
  isBucketName,
  type Layout,
  nameableTime,
  parseDeferredName,
} from "./layout.ts";
import { type PreparedRecord, placeRecord, type RecordType, readHeader, readPayload } from "./record.ts";

/** One file, one message: no resynchronisation, hence no secret. */
const nonce = Buffer.from("PSTNmsg1");

export interface DeferredRecord {
  readonly type: RecordType;
  readonly meta: Buffer;
  readonly content: Buffer;
}

export interface DeferredContent {
  readonly accept: DeferredRecord;
  readonly facts: readonly DeferredRecord[];
  /** Where the next record goes. */
  readonly usedBytes: number;
}

export class DeferredFiles {
  readonly #files: SpoolFiles;
  readonly #layout: Layout;
  /** The due time in each name. */
  readonly #filed: IdTable;
  /** Directories with names that have come, then those with names that have gone: flushed in this order. */
  readonly #gained = new Set<string>();
  readonly #lost = new Set<string>();
  readonly #known = new Set<string>();
  readonly #emptied = new Set<string>();
  /** Whoever looks at all names wants to know which have changed meanwhile. */
  readonly #watchers = new Set<Set<string>>();

  constructor(files: SpoolFiles, layout: Layout, filed: IdTable) {
    this.#files = files;
    this.#layout = layout;
    this.#filed = filed;
  }

  path(name: DeferredName): string {
    return join(this.#layout.deferred, bucketOf(name.dueAt), deferredFileName(name));
  }

  /** Writes and flushes a new file; its name is durable after `flushNames`. Answers the bytes used. */
  async create(name: DeferredName, records: readonly PreparedRecord[]): Promise<number> {
    const fd = await this.#inBucket(name, () => this.#files.create(this.path(name)));
    try {
      const usedBytes = await this.#write(fd, records, 0);
      await this.#files.flush(fd);
      this.#gained.add(this.#directory(name));
      return usedBytes;
    } finally {
      await this.#files.close(fd);
    }
  }

  /** `usedBytes: null`: found out first. */
  async append(
    name: DeferredName,
    usedBytes: number | null,
    records: readonly PreparedRecord[],
    how: "flushed" | "buffered",
  ): Promise<number> {
    const from = usedBytes ?? (await this.load(name)).usedBytes;
    const fd = await this.#files.openWrite(this.path(name), "buffered");
    try {
      if ((await this.#files.sizeBytes(fd)) > from) await this.#files.truncate(fd, from);
      const end = await this.#write(fd, records, from);
      if (how === "flushed") await this.#files.flush(fd);
      return end;
    } finally {
      await this.#files.close(fd);
    }
  }

  async load(name: DeferredName): Promise<DeferredContent> {
    const fd = await this.#files.openRead(this.path(name));
    try {
      const bytes = Buffer.allocUnsafe(await this.#files.sizeBytes(fd));
      return parse(bytes.subarray(0, await this.#files.read(fd, bytes, 0)));
    } finally {
      await this.#files.close(fd);
    }
  }

  async rename(from: DeferredName, to: DeferredName): Promise<void> {
    await this.#inBucket(to, () => this.#files.rename(this.path(from), this.path(to)));
    this.#gained.add(this.#directory(to));
    this.#left(from);
    if (this.#filed.get(from.id) !== null) this.#filed.set(to.id, to.dueAt);
    for (const changed of this.#watchers) changed.add(to.id);
  }

  async remove(name: DeferredName): Promise<void> {
    await ignoreMissing(this.#files.unlink(this.path(name)));
    this.#left(name);
    if (this.#filed.get(name.id) === name.dueAt) this.#filed.delete(name.id);
  }

  /** Makes all names durable, new ones first: a renamed file is in both places rather than in none. */
  async flushNames(): Promise<void> {
    for (const directories of [this.#gained, this.#lost]) {
      for (const directory of [...directories]) {
        directories.delete(directory);
        try {
          await ignoreMissing(this.#files.flushDirectory(directory));
        } catch (error) {
          directories.add(directory);
          throw error;
        }
      }
    }
  }

  /** From here until `end`: ids whose names have changed. */
  watch(): { readonly changed: ReadonlySet<string>; end(): void } {
    const changed = new Set<string>();
    this.#watchers.add(changed);
    return { changed, end: () => void this.#watchers.delete(changed) };
  }

  /** In order of time. */
  async buckets(): Promise<readonly string[]> {
    return (await this.#files.names(this.#layout.deferred)).filter(isBucketName).sort();
  }

  /** In handfuls, in no order. */
  async *namesIn(bucket: string): AsyncIterable<readonly DeferredName[]> {
    try {
      for await (const texts of this.#files.nameChunks(join(this.#layout.deferred, bucket))) {
        yield texts.flatMap((text) => {
          const name = parseDeferredName(text);
          return name && bucketOf(name.dueAt) === bucket ? name : [];
        });
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Removes buckets that names have gone from and that are of the past. */
  async removeEmptied(nowMs: number): Promise<void> {
    const present = bucketOf(nameableTime(nowMs));
    for (const bucket of [...this.#emptied].filter((one) => one < present)) {
      this.#emptied.delete(bucket);
      await this.removeBucket(bucket);
    }
  }

  /** Leaves it if something is in it. */
  async removeBucket(bucket: string): Promise<void> {
    this.#known.delete(bucket);
    try {
      await ignoreMissing(this.#files.removeDirectory(join(this.#layout.deferred, bucket)));
    } catch (error) {
      const code = errorCode(error);
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    }
  }

  /** The bucket may be removed as empty at any moment. */
  async #inBucket<T>(name: DeferredName, work: () => Promise<T>): Promise<T> {
    const bucket = bucketOf(name.dueAt);
    await this.#makeBucket(bucket);
    try {
      return await work();
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#known.delete(bucket);
      await this.#makeBucket(bucket);
      return work();
    }
  }

  async #makeBucket(bucket: string): Promise<void> {
    if (this.#known.has(bucket)) return;
    try {
      await this.#files.makeDirectory(join(this.#layout.deferred, bucket));
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
    await this.#files.flushDirectory(this.#layout.deferred);
    this.#known.add(bucket);
  }

  #left(name: DeferredName): void {
    this.#lost.add(this.#directory(name));
    this.#emptied.add(bucketOf(name.dueAt));
  }

  #directory(name: DeferredName): string {
    return join(this.#layout.deferred, bucketOf(name.dueAt));
  }

  async #write(fd: number, records: readonly PreparedRecord[], from: number): Promise<number> {
    const pieces: Uint8Array[] = [];
    let at = from;
    for (const record of records) {
      placeRecord(record, nonce, at, 0);
      pieces.push(record.head, ...record.content);
      at += record.sizeBytes;
    }
    await this.#files.write(fd, pieces, from);
    return at;
  }
}

function parse(bytes: Buffer): DeferredContent {
  const records: DeferredRecord[] = [];
  let at = 0;
  for (let header = readHeader(bytes, at, nonce, at); header; header = readHeader(bytes, at, nonce, at)) {
    const { meta, content } = readPayload(bytes, at, header);
    if (!meta || !content) break;
    records.push({ type: header.type, meta, content });
    at += header.sizeBytes;
  }
  const [accept, ...facts] = records;
  if (accept?.type !== "accept") throw new SpoolError("SPOOL_DAMAGED", "a deferred file has no readable message");
  return { accept, facts, usedBytes: at };
}
