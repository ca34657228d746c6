/** What stands in the snapshots of an mbox. */
import type { MessageEntry } from "postern/plugin";
import { ChunkedSnapshot } from "postern/store";
import type { Message } from "./message.ts";

export type MboxSnapshot = ChunkedSnapshot<Entry>;
export const emptySnapshot: MboxSnapshot = ChunkedSnapshot.empty();

/** A message in a snapshot. */
export class Entry implements MessageEntry {
  readonly flags: ReadonlySet<string>;
  readonly modseq: number;
  readonly message: Message;

  constructor(message: Message, flags: ReadonlySet<string>, modseq: number) {
    this.flags = flags;
    this.modseq = modseq;
    this.message = message;
  }

  get uid(): number {
    return this.message.uid;
  }

  get internalDate(): number {
    return this.message.internalDate;
  }

  get sizeBytes(): number {
    return this.message.sizeBytes;
  }

  /** Nothing in an mbox says when a message came into it. */
  get saveDate(): null {
    return null;
  }
}
