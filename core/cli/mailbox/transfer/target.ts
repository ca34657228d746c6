/** Where mail goes to: an account's mailboxes, here or in a Maildir elsewhere, or mbox files. */
import type { SourceFolder } from "./source.ts";

export interface Prepared {
  readonly content: Buffer;
  /** Of the content, as SHA-256 in hex. */
  readonly digest: string;
  readonly flags: readonly string[];
  readonly internalDate: number | null;
  /** As the source has it, where UIDs are to be kept. */
  readonly uid: number | null;
  readonly uniqueId?: string;
}

export interface OpenTarget {
  /** As it is called there. */
  readonly name: string;
  /** `null`: it has no UIDs. */
  readonly uidValidity: number | null;
  /** Nothing lies there that somebody else put there. */
  isEmpty(): Promise<boolean>;
  /** Whether UIDs of the source are kept from here on. */
  keepUids(from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean>;
  /** What stands behind it was not there before: to be asked before `append`, and handed to `recover` after a crash. */
  mark(): Promise<number>;
  /** In order; UIDs, or `null` where there are none. On disk when it resolves. */
  append(messages: readonly Prepared[]): Promise<readonly (number | null)[]>;
  /** Which of those that were to be appended behind the mark are there: UIDs by digest. What is half there is taken away. */
  recover(mark: number, digests: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>>;
  /** Those that are gone meanwhile are passed over. */
  setFlags(uid: number, flags: readonly string[]): Promise<void>;
  remove(uids: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export interface Target {
  /** The same for the same place: names the state of a transfer. */
  readonly id: string;
  /** Makes it where it is missing; what its name cannot be there is replaced. */
  open(folder: SourceFolder): Promise<OpenTarget>;
  close(): Promise<void>;
}
