/**
 * Bodies of large messages: `incoming/` while they come in, hard-linked to `bodies/<id>` when the message is accepted. The
 * link is durable before the accept record is written, so a record whose body is missing tells of damage.
 */
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { type FileRange, isInMemory, type Piece, readPieces } from "../kernel/message.ts";
import { errorCode, ignoreMissing, isMissing, SpoolError } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import type { Layout } from "./layout.ts";
import type { BodyFile } from "./meta.ts";

export class Bodies {
  readonly #files: SpoolFiles;
  readonly #layout: Layout;
  readonly #crcs = new WeakMap<FileRange, number>();
  /** Files in `incoming/` that readers of an accepted message may still use. */
  readonly #incoming = new Map<string, string>();
  /** Several messages may have come in as one. */
  readonly #users = new Map<string, number>();
  readonly #verified = new Set<string>();

  constructor(files: SpoolFiles, layout: Layout) {
    this.#files = files;
    this.#layout = layout;
  }

  path(id: string): string {
    return join(this.#layout.bodies, id);
  }

  newIncoming(): string {
    return join(this.#layout.incoming, randomBytes(12).toString("hex"));
  }

  /** Remembers the checksum of a range, for its record. */
  remember(range: FileRange, crc: number): void {
    this.#crcs.set(range, crc);
  }

  /** Makes the body durable under the message's id. */
  async adopt(id: string, body: readonly Piece[]): Promise<BodyFile> {
    const [range] = body;
    const isOwn = range && !isInMemory(range) && body.length === 1 && this.#isOwn(range.path);
    const source = isOwn ? range : await this.#copy(body);
    const from = source.path;
    await this.#flush(from);
    await ignoreMissing(this.#files.unlink(this.path(id)));
    await this.#files.link(from, this.path(id));
    await this.#files.flushDirectory(this.#layout.bodies);
    if (dirname(from) === this.#layout.incoming) {
      this.#incoming.set(id, from);
      this.#users.set(from, (this.#users.get(from) ?? 0) + 1);
    }
    return { start: source.start, length: source.length, crc: this.#crcs.get(source) ?? null };
  }

  /** The body of a message read from disk: whole and unharmed, or `SPOOL_DAMAGED`. */
  async range(id: string, { start, length, crc }: BodyFile): Promise<FileRange> {
    const range: FileRange = { path: this.path(id), start, length };
    if (!this.#verified.has(id)) {
      await this.#verify(range, crc);
      this.#verified.add(id);
    }
    if (crc !== null) this.#crcs.set(range, crc);
    return range;
  }

  async remove(id: string): Promise<void> {
    this.#verified.delete(id);
    const incoming = this.#incoming.get(id);
    this.#incoming.delete(id);
    if (incoming && this.#isLastUser(incoming)) await ignoreMissing(this.#files.unlink(incoming));
    await ignoreMissing(this.#files.unlink(this.path(id)));
  }

  /** At start: nothing in `incoming/` was ever promised. */
  async clearIncoming(): Promise<void> {
    for (const name of await this.#files.names(this.#layout.incoming)) {
      await ignoreMissing(this.#files.unlink(join(this.#layout.incoming, name)));
    }
  }

  #isLastUser(path: string): boolean {
    const left = (this.#users.get(path) ?? 1) - 1;
    if (left === 0) this.#users.delete(path);
    else this.#users.set(path, left);
    return left === 0;
  }

  #isOwn(path: string): boolean {
    const directory = dirname(path);
    return directory === this.#layout.incoming || directory === this.#layout.bodies;
  }

  async #flush(path: string): Promise<void> {
    const fd = await this.#files.openWrite(path, "buffered");
    try {
      await this.#files.flush(fd);
    } finally {
      await this.#files.close(fd);
    }
  }

  /** Bytes from elsewhere, or from several places: into one file of our own. */
  async #copy(body: readonly Piece[]): Promise<FileRange> {
    const path = this.newIncoming();
    const fd = await this.#files.create(path);
    let length = 0;
    let crc = 0;
    try {
      for await (const chunk of readPieces(body) as AsyncIterable<Uint8Array>) {
        await this.#files.write(fd, [chunk], length);
        crc = crc32(chunk, crc);
        length += chunk.length;
      }
    } catch (error) {
      await ignoreMissing(this.#files.unlink(path));
      throw error;
    } finally {
      await this.#files.close(fd);
    }
    const range: FileRange = { path, start: 0, length };
    this.remember(range, crc);
    return range;
  }

  async #verify(range: FileRange, crc: number | null): Promise<void> {
    let actual = 0;
    let fd: number;
    try {
      fd = await this.#files.openRead(range.path);
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new SpoolError("SPOOL_DAMAGED", "the body's file is missing", { cause: error });
    }
    try {
      const chunk = Buffer.allocUnsafe(256 * 1024);
      for (let at = 0; at < range.length; ) {
        const wanted = chunk.subarray(0, Math.min(chunk.length, range.length - at));
        const count = await this.#files.read(fd, wanted, range.start + at);
        if (count === 0) throw new SpoolError("SPOOL_DAMAGED", "the body's file is too short");
        actual = crc32(wanted.subarray(0, count), actual);
        at += count;
      }
    } finally {
      await this.#files.close(fd);
    }
    if (crc !== null && actual !== crc) throw new SpoolError("SPOOL_DAMAGED", "the body's checksum does not fit");
  }
}

export const isDamage = (error: unknown): boolean => errorCode(error) === "SPOOL_DAMAGED";
