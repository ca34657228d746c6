/** What stands in the snapshots of a Maildir. */
import type { MessageEntry } from "postern/plugin";
import { ChunkedSnapshot, type SnapshotEdit } from "postern/store";
import { saveDateOf } from "./file-name.ts";
import type { MessageFile } from "./message-file.ts";

export type MaildirSnapshot = ChunkedSnapshot<Entry>;
export const emptySnapshot: MaildirSnapshot = ChunkedSnapshot.empty();
export type Edit = SnapshotEdit<Entry>;

/** What a publication changes. */
export interface Change {
  readonly removed?: ReadonlySet<number>;
  readonly replaced?: ReadonlyMap<number, Entry>;
  readonly appended?: readonly Entry[];
  readonly uidNext?: number;
  /** Given out before, for these changes. */
  readonly modseq?: number;
  /** Nothing has changed but what the index is to know. */
  readonly isNoted?: boolean;
}

/** A message in a snapshot. Size and date are looked up when somebody asks, and remembered with the file. */
export class Entry implements MessageEntry {
  readonly uid: number;
  readonly flags: ReadonlySet<string>;
  readonly modseq: number;
  readonly file: MessageFile;

  constructor(file: MessageFile, flags: ReadonlySet<string>, modseq: number) {
    this.uid = file.uid;
    this.flags = flags;
    this.modseq = modseq;
    this.file = file;
  }

  get internalDate(): number {
    return this.file.internalDate;
  }

  get sizeBytes(): number {
    return this.file.sizeBytes;
  }

  get saveDate(): number | null {
    return saveDateOf(this.file.base);
  }
}
