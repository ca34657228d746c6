/** Streams one incoming message into a file of its own, with back-pressure. The first failure is told at every later call. */
import { asSpoolFailure, ignoreMissing } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";

/** So much may wait for the disk before the sender has to. */
const waitingLimitBytes = 256 * 1024;

export class BodyWriter {
  readonly path: string;
  readonly #files: SpoolFiles;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #position = 0;
  #isAborted = false;
  #failure: Error | null = null;
  #fd: number | null = null;
  #running: Promise<void> | null = null;

  constructor(files: SpoolFiles, path: string) {
    this.#files = files;
    this.path = path;
  }

  write(pieces: readonly Uint8Array[]): void | Promise<void> {
    if (this.#failure) throw this.#failure;
    for (const piece of pieces) {
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    this.#start();
    return this.#waitingBytes > waitingLimitBytes ? this.#settled() : undefined;
  }

  /** Everything is in the file (not yet flushed). */
  async end(): Promise<void> {
    this.#start();
    await this.#settled();
    await this.#close();
  }

  async abort(): Promise<void> {
    this.#isAborted = true;
    await this.#running;
    await this.#close();
    await ignoreMissing(this.#files.unlink(this.path));
  }

  async #settled(): Promise<void> {
    while (this.#running) await this.#running;
    if (this.#failure) throw this.#failure;
  }

  #start(): void {
    if (this.#running) return;
    this.#running = this.#run().then(() => {
      this.#running = null;
      if (this.#waiting.length > 0 && !this.#isAborted) this.#start();
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      this.#fd ??= await this.#files.create(this.path);
      while (this.#waiting.length > 0 && !this.#isAborted) {
        const pieces = this.#waiting;
        const bytes = this.#waitingBytes;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await this.#files.write(this.#fd, pieces, this.#position);
        this.#position += bytes;
      }
    } catch (error) {
      this.#failure = asSpoolFailure(error);
      this.#waiting = [];
    }
  }

  async #close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) await this.#files.close(fd);
  }
}
