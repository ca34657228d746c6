/** Whether there is room for another message. Says `SpoolFull` early, before the disk does. */
import type { Clock } from "../contracts/clock.ts";
import { SpoolFull } from "../contracts/spool.ts";
import type { SpoolFiles } from "./files.ts";
import type { SpoolLimits } from "./limits.ts";

/** Free space is asked for at most so often. */
const freshMs = 500;

export class Room {
  readonly #files: SpoolFiles;
  readonly #directory: string;
  readonly #limits: SpoolLimits;
  readonly #clock: Clock;
  #freeBytes = Number.POSITIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(init: {
    readonly files: SpoolFiles;
    readonly directory: string;
    readonly limits: SpoolLimits;
    readonly clock: Clock;
  }) {
    this.#files = init.files;
    this.#directory = init.directory;
    this.#limits = init.limits;
    this.#clock = init.clock;
  }

  /** `messageBytes` as far as they are known. */
  check(messageBytes: number, messageCount: number): void {
    const lack = this.#lack(messageBytes, messageCount);
    if (lack !== null) throw new SpoolFull(lack);
  }

  has(messageBytes: number, messageCount: number): boolean {
    return this.#lack(messageBytes, messageCount) === null;
  }

  #lack(messageBytes: number, messageCount: number): string | null {
    if (Math.abs(this.#clock.now() - this.#askedAt) > freshMs) void this.refresh();
    if (messageCount >= this.#limits.maxMessages) return "as many messages in the spool as allowed";
    if (this.#freeBytes - messageBytes < this.#limits.minFreeBytes) return "too little free space is left";
    return null;
  }

  /** Never rejects: a file system that does not tell is not held against the message. */
  refresh(): Promise<void> {
    this.#askedAt = this.#clock.now();
    this.#asking ??= this.#files
      .freeBytes(this.#directory)
      .then(
        (freeBytes) => {
          this.#freeBytes = freeBytes;
        },
        () => {
          this.#freeBytes = Number.POSITIVE_INFINITY;
        },
      )
      .finally(() => {
        this.#asking = null;
      });
    return this.#asking;
  }
}
