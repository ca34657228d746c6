/** Messages accepted or read lately, as long as they fit: the oldest goes first. Messages kept in files cost their header. */
import type { SpoolEnvelope } from "../contracts/spool.ts";
import { isInMemory, type StoredMessage } from "../kernel/message.ts";

interface Kept {
  readonly envelope: SpoolEnvelope;
  readonly message: StoredMessage;
  readonly bytes: number;
}

/** What an object costs besides its bytes, roughly. */
const overheadBytes = 1024;

export class RecentMessages {
  readonly #limitBytes: number;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get(id: string): { readonly envelope: SpoolEnvelope; readonly message: StoredMessage } | undefined {
    return this.#kept.get(id);
  }

  keep(envelope: SpoolEnvelope, message: StoredMessage): void {
    let bytes = overheadBytes + message.header.length;
    for (const piece of message.body) if (isInMemory(piece)) bytes += piece.length;
    if (bytes > this.#limitBytes) return;
    this.forget(envelope.id);
    this.#kept.set(envelope.id, { envelope, message, bytes });
    this.#bytes += bytes;
    for (const id of this.#kept.keys()) {
      if (this.#bytes <= this.#limitBytes) break;
      this.forget(id);
    }
  }

  forget(id: string): void {
    const kept = this.#kept.get(id);
    if (!kept) return;
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
  }
}
