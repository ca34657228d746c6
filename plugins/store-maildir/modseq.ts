/**
 * Modification sequences (RFC 7162) of one mailbox. They follow the clock in microseconds, so they grow over restarts; a
 * small file beside the mailbox holds a bound that was not passed, so they grow even when the clock went back. A later
 * history may replace the file: only "never goes back" is promised.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { attempt, shareFile } from "postern/store";

/** How far ahead a value is reserved: the file is written once for so many microseconds of changes. */
const RESERVE = 3_600_000_000;

export class Modseq {
  readonly #path: string;
  readonly #nowMs: () => number;
  #last = 0;
  #reserved = 0;

  constructor(directory: string, nowMs: () => number) {
    this.#path = join(directory, "postern-modseq");
    this.#nowMs = nowMs;
  }

  /** Above any value that this mailbox ever had. */
  next(): number {
    if (this.#last === 0) this.#reserved = this.#last = this.#read();
    this.#last = Math.max(this.#last + 1, this.#nowMs() * 1000);
    if (this.#last >= this.#reserved) this.#reserve();
    return this.#last;
  }

  /** Goes on where the index knows that it was. A bound far beyond says that somebody has numbered without the index. */
  resume(highest: number): void {
    this.#reserved = this.#read();
    this.#last = Math.max(this.#last, this.#reserved > highest + RESERVE ? this.#reserved : highest);
  }

  /** A value was given out by others, or in a transaction of the index. */
  used(value: number): void {
    this.#last = Math.max(this.#last, value);
    if (this.#last >= this.#reserved) this.#reserve();
  }

  #read(): number {
    let value = 0;
    attempt(() => {
      value = Number(readFileSync(this.#path, "latin1"));
    });
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  }

  #reserve(): void {
    this.#reserved = this.#read();
    // Another process may have done it.
    if (this.#reserved > this.#last) return;
    this.#reserved = this.#last + RESERVE;
    // Where nothing can be written the clock alone has to do.
    attempt(() => {
      writeFileSync(this.#path, String(this.#reserved), { mode: 0o600 });
      shareFile(this.#path, dirname(this.#path));
    });
  }
}
