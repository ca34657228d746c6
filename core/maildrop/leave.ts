/**
 * Leaves one message in the maildrop: under a hidden name while it comes in, flushed, then renamed, so that what has a name is whole.
 * Everything throws the error of the file system as it is. What was begun and not finished is nobody's mail; the server clears it away
 * after a day if its writer could not.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, fchmodSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeEnvelope, HEAD, type LeftEnvelope } from "./format.ts";

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

export class Leaving {
  readonly #directory: string;
  readonly #name: string;
  readonly #temporary: string;
  #fd: number | null;
  /** Of the message so far. */
  sizeBytes = 0;

  /** `uid`: a name for people who look at the directory; what counts is the file's owner. */
  constructor(directory: string, uid: number) {
    this.#directory = directory;
    this.#name = `${uid}.${Date.now().toString(36)}.${randomBytes(12).toString("base64url")}`;
    this.#temporary = join(directory, `.${this.#name}`);
    this.#fd = openSync(this.#temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640);
    try {
      // Whatever the user's mask is: the server reads it as the file's group, and nobody else does.
      fchmodSync(this.#fd, 0o640);
      this.#writeAll(HEAD);
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  write(piece: Uint8Array): void {
    this.#writeAll(piece);
    this.sizeBytes += piece.length;
  }

  /** Durable when it returns; answers the name. */
  finish(envelope: Omit<LeftEnvelope, "sizeBytes">): string {
    try {
      this.#writeAll(encodeEnvelope({ ...envelope, sizeBytes: this.sizeBytes }));
      const fd = this.#opened();
      fsyncSync(fd);
      renameSync(this.#temporary, join(this.#directory, this.#name));
      // Its directory cannot be flushed by whoever may not read it. The rename has changed the file's inode as well, and a flush of that
      // takes the journal up to the new name with it (ext4, XFS, btrfs).
      fsyncSync(fd);
    } catch (error) {
      this.abort();
      throw error;
    }
    this.#close();
    return this.#name;
  }

  /** Nothing is left. Safe at any time; after `finish` it does nothing. */
  abort(): void {
    if (this.#fd === null) return;
    this.#close();
    for (const name of [this.#temporary, join(this.#directory, this.#name)]) {
      try {
        unlinkSync(name);
      } catch {
        // Only one of them is there. What cannot be removed now is cleared away by the server, or is mail that came twice at worst.
      }
    }
  }

  #writeAll(piece: Uint8Array): void {
    const fd = this.#opened();
    for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
  }

  #opened(): number {
    if (this.#fd === null) throw new Error("this message has been finished or given up");
    return this.#fd;
  }

  #close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}
