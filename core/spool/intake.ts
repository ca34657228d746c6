/**
 * A message's bytes while they come in: memory up to a threshold and within what all intakes share, a file beyond. Throws
 * `SpoolFull` or what the disk said; after that only `abort` makes sense.
 */
import { crc32 } from "node:zlib";
import type { Intake } from "../contracts/submit.ts";
import { createMessage, type FileRange, type StoredMessage } from "../kernel/message.ts";
import type { Bodies } from "./bodies.ts";
import { BodyWriter } from "./body-writer.ts";
import { SpoolError } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import { HeaderFinder } from "./header-finder.ts";
import type { SpoolLimits } from "./limits.ts";

/** Memory that all messages on their way in share. */
export class MemoryBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  reserve(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

export interface IntakeInit {
  readonly files: SpoolFiles;
  readonly bodies: Bodies;
  readonly budget: MemoryBudget;
  readonly limits: SpoolLimits;
  /** Called with what the message consists of, so that its intake is found again when it is accepted. */
  readonly onEnd: (intake: SpoolIntake, message: StoredMessage) => void;
  readonly isLarge: boolean;
}

type Where =
  | { readonly at: "memory"; readonly pieces: Uint8Array[] }
  | { readonly at: "file"; readonly writer: BodyWriter; readonly finder: HeaderFinder; crc: number }
  | { readonly at: "done" };

export class SpoolIntake implements Intake {
  readonly #init: IntakeInit;
  #where: Where;
  #sizeBytes = 0;
  #reservedBytes = 0;
  #file: BodyWriter | null = null;

  constructor(init: IntakeInit) {
    this.#init = init;
    this.#where = init.isLarge ? this.#openFile() : { at: "memory", pieces: [] };
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  write(piece: Uint8Array): void | Promise<void> {
    const where = this.#where;
    if (where.at === "done") throw new SpoolError("SPOOL_CLOSED", "this intake has ended");
    this.#sizeBytes += piece.length;
    if (where.at === "file") return this.#toFile(where, [piece]);
    if (this.#sizeBytes <= this.#init.limits.memoryMessageBytes && this.#init.budget.reserve(piece.length)) {
      this.#reservedBytes += piece.length;
      where.pieces.push(piece);
      return;
    }
    return this.#spill(where.pieces, piece);
  }

  async end(): Promise<StoredMessage> {
    const where = this.#where;
    if (where.at === "done") throw new SpoolError("SPOOL_CLOSED", "this intake has ended");
    this.#where = { at: "done" };
    const message = where.at === "memory" ? this.#inMemory(where.pieces) : await this.#inFile(where);
    this.#init.onEnd(this, message);
    return message;
  }

  async abort(): Promise<void> {
    this.#where = { at: "done" };
    this.#release();
    const file = this.#file;
    this.#file = null;
    await file?.abort();
  }

  /** The spool has the message now: its file stays, its memory counts no longer. */
  accepted(): void {
    this.#file = null;
    this.#release();
  }

  #release(): void {
    this.#init.budget.release(this.#reservedBytes);
    this.#reservedBytes = 0;
  }

  #openFile(): Where & { at: "file" } {
    const writer = new BodyWriter(this.#init.files, this.#init.bodies.newIncoming());
    this.#file = writer;
    return { at: "file", writer, finder: new HeaderFinder(this.#init.limits.headerBytes), crc: 0 };
  }

  #spill(held: readonly Uint8Array[], piece: Uint8Array): void | Promise<void> {
    const where = this.#openFile();
    this.#where = where;
    this.#release();
    return this.#toFile(where, [...held, piece]);
  }

  #toFile(where: Where & { at: "file" }, pieces: readonly Uint8Array[]): void | Promise<void> {
    for (const piece of pieces) {
      for (const body of where.finder.push(piece)) where.crc = crc32(body, where.crc);
    }
    return where.writer.write(pieces);
  }

  #inMemory(pieces: readonly Uint8Array[]): StoredMessage {
    const finder = new HeaderFinder(this.#init.limits.headerBytes);
    const body = pieces.flatMap((piece) => finder.push(piece));
    return createMessage(finder.end(), body);
  }

  async #inFile({ writer, finder, crc }: Where & { at: "file" }): Promise<StoredMessage> {
    await writer.end();
    const header = finder.end();
    const range: FileRange = { path: writer.path, start: header.length, length: this.#sizeBytes - header.length };
    this.#init.bodies.remember(range, crc);
    return createMessage(header, range.length > 0 ? [range] : []);
  }
}
