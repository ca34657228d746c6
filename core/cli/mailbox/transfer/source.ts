/** Where mail comes from: another store, a Maildir, mbox files, an IMAP server. Nothing there is changed. */
import type { SpecialUse } from "../../../contracts/mailbox-store.ts";

export interface SourceFolder {
  /** Decoded, "/" between its parts. */
  readonly name: string;
  readonly specialUse: SpecialUse | null;
  readonly isSubscribed: boolean;
}

export interface SourceMessage {
  /** Tells it from all others of its folder, now and at the next run. */
  readonly key: string;
  /** `null`: the source has none. */
  readonly uid: number | null;
  readonly flags: readonly string[];
  /** Milliseconds since 1970; `null`: nobody knows. */
  readonly internalDate: number | null;
  /** About as large; for planning. */
  readonly sizeBytes: number;
  readonly uniqueId?: string;
}

export interface OpenSource {
  /** What its UIDs hold under; `null`: it has none. Keys of one value mean nothing under another. */
  readonly uidValidity: number | null;
  readonly uidNext: number | null;
  /** In the order in which they are to lie in the target. */
  readonly messages: readonly SourceMessage[];
  /** Contents with CRLF, by key; without those that are gone meanwhile. */
  read(messages: readonly SourceMessage[]): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}

export interface Source {
  /** The same for the same place, without secrets: names the state of a transfer. */
  readonly id: string;
  folders(): Promise<readonly SourceFolder[]>;
  open(name: string): Promise<OpenSource>;
  close(): Promise<void>;
}
