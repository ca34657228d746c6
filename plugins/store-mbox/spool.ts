/** A message in the form of an mbox, ready to be appended: in memory, or in a file without a name if it is large. */
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { MboxEncoder, type MboxQuoting, readAt } from "postern/store";
import { writeAll } from "./journal.ts";

const IN_MEMORY_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

export interface Content {
  readonly content: AsyncIterable<Uint8Array | string> | readonly Uint8Array[];
  readonly sizeBytes?: number | undefined;
}

let made = 0;

export class Spooled {
  readonly #encoder: MboxEncoder;
  readonly #directory: string;
  #memory: Buffer[] = [];
  #fd = -1;
  #head = "";
  length = 0;

  private constructor(quoting: MboxQuoting, directory: string) {
    this.#encoder = new MboxEncoder(quoting);
    this.#directory = directory;
  }

  /** Rejects when the content breaks off, or is not as long as was said; nothing is left then. `directory` takes large ones. */
  static async of({ content, sizeBytes }: Content, quoting: MboxQuoting, directory: string): Promise<Spooled> {
    const spooled = new Spooled(quoting, directory);
    try {
      let total = 0;
      const take = (piece: Uint8Array) => {
        total += piece.length;
        spooled.#add(spooled.#encoder.write(piece));
      };
      if (Array.isArray(content)) for (const piece of content as readonly Uint8Array[]) take(piece);
      else
        for await (const piece of content as AsyncIterable<Uint8Array | string>)
          take(typeof piece === "string" ? Buffer.from(piece) : piece);
      if (sizeBytes !== undefined && sizeBytes !== total)
        throw new StoreError("unavailable", "The message did not come in whole");
      spooled.#add(spooled.#encoder.end());
      return spooled;
    } catch (cause) {
      spooled.close();
      throw cause;
    }
  }

  get facts(): Pick<MboxEncoder, "fields" | "hasBody" | "hasQuoted" | "sizeBytes" | "bodyLength"> {
    return this.#encoder;
  }

  /** The sender, if final delivery wrote it in front; else who sends what has none. */
  get returnPath(): string {
    return /^Return-Path:[ \t]*<([^>\s]{1,320})>/i.exec(this.#head)?.[1] ?? "MAILER-DAEMON";
  }

  #add(piece: Buffer): void {
    if (piece.length === 0) return;
    if (this.length === 0) this.#head = piece.toString("latin1", 0, 400);
    if (this.#fd < 0 && this.length + piece.length > IN_MEMORY_BYTES) this.#open();
    if (this.#fd < 0) this.#memory.push(piece);
    else writeAll(this.#fd, piece, this.length);
    this.length += piece.length;
  }

  #open(): void {
    const path = join(this.#directory, `spool.${process.pid}.${++made}`);
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    unlinkSync(path);
    let at = 0;
    for (const piece of this.#memory) {
      writeAll(this.#fd, piece, at);
      at += piece.length;
    }
    this.#memory = [];
  }

  /** In order; `from` and `to` count octets of the whole. */
  async *read(from: number, to: number): AsyncGenerator<Buffer> {
    if (this.#fd < 0) {
      let at = 0;
      for (const piece of this.#memory) {
        const part = piece.subarray(Math.max(0, from - at), Math.max(0, to - at));
        if (part.length > 0) yield part;
        at += piece.length;
      }
      return;
    }
    for (let at = from; at < to; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - at));
      const count = await readAt(this.#fd, chunk, 0, at);
      if (count === 0) return;
      at += count;
      yield chunk.subarray(0, count);
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#memory = [];
  }
}
