/** Octets that are no command lines. While a conversation has one, the bridge hands it what comes instead of lines. */
export interface Incoming {
  /** Takes the chunk from `start`; answers where the next command begins, or -1 if more belongs to it. */
  take(chunk: Buffer, start: number): number;
  /** What has to be waited for before more is taken. */
  takeWaiting(): Promise<void> | null;
  /** So much has been thrown away that the rest is not worth reading. */
  readonly isHopeless: boolean;
}

/** A chunk that nobody wants: it is read, because commands follow it (RFC 3030 2), and forgotten. */
export class Discarded implements Incoming {
  readonly isHopeless = false;
  #left: number;

  constructor(sizeBytes: number) {
    this.#left = sizeBytes;
  }

  take(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#left);
    this.#left -= end - start;
    return this.#left === 0 ? end : -1;
  }

  takeWaiting(): null {
    return null;
  }
}
