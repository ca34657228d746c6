/**
 * The index of mailboxes: what would be slow to find out again, shared by all workers. Stores use it; what it says is never more than a
 * short cut. Deleting it costs only time. Nothing here rejects or throws because of it: where it cannot answer it says `null`, and the
 * store does without until the mailbox is opened again.
 *
 * How a store uses it: on opening a mailbox it compares `head().cursor` with its own look at the disk (times of directories, sizes of
 * files). Where they agree, `load` gives the mailbox, and nothing need be read. Else it lists, compares with what it knows, and
 * registers what it found with `commit`, before anybody sees it.
 */
import type { UidRange } from "./mailbox-store.ts";
import { defineService } from "./service.ts";

/** A message as the index keeps it. Flags and place are compared as text. */
export interface IndexedMessage {
  readonly uid: number;
  /** Flags as the store writes them; another text is another state, with another modseq. */
  readonly flags: string;
  /** Where the store finds it: a file's name, an offset. May change without a new modseq. */
  readonly place: string;
  /** Milliseconds since 1970; -1 if nobody has looked yet. */
  readonly internalDate: number;
  /** Octets with CRLF line ends; -1 if nobody has counted yet. */
  readonly sizeBytes: number;
}

export interface KnownMessage extends IndexedMessage {
  readonly modseq: number;
}

export interface IndexHead {
  readonly highestModseq: number;
  readonly uidNext: number;
  readonly messages: number;
  /** What the store said last about the disk; opaque. Empty where the messages have to be compared with the disk. */
  readonly cursor: string;
  /** How often `moved` was registered: `news` does not tell of it, so another number means that places may be others. */
  readonly moves: number;
}

export interface Registration {
  /** The `highestModseq` up to which the caller knows the index; 0: nothing. */
  readonly since: number;
  /** Least value for the modseq of these changes: above the clock, and above the floor that the store keeps beside the mailbox. */
  readonly modseq: number;
  /** New, or with other flags than the caller knew. */
  readonly put: readonly IndexedMessage[];
  /** In another place than the caller knew, and nothing else: no modseq is given for it. */
  readonly moved?: readonly IndexedMessage[];
  readonly vanished: readonly number[];
  readonly uidNext: number;
  readonly cursor: string;
}

export interface Registered {
  readonly highestModseq: number;
  readonly uidNext: number;
  /** Of what was taken. */
  readonly modseq: number;
  /** What others registered since `since`. It goes before what was put for the same UID, which was not taken then. */
  readonly others: { readonly put: readonly KnownMessage[]; readonly vanished: readonly number[] };
  /** UIDs of `put` and `vanished` that were not taken, as others knew of something newer: the caller must look at the disk again. */
  readonly refused: readonly number[];
}

export type DetailKind = "survey" | "gist";

/** The index of one mailbox, as one process holds it. */
export interface IndexedMailbox {
  /** `null`: nothing is known, or the index is gone. One look-up, so it can be asked before each comparison. */
  head(): IndexHead | null;
  /** Calls `each` with every message, ascending, in slices, so that others have their turn; `null` where they cannot be read: what
   * was given does not count. What is registered meanwhile may be in it or not: ask for `news` since the head that is answered. */
  load(each: (message: KnownMessage) => void): Promise<IndexHead | null>;
  /** What others have registered since then; `null` where that is not remembered: `load` everything. */
  news(since: number): { readonly head: IndexHead; readonly others: Registered["others"] } | null;
  /**
   * Gives out a modseq for changes that are shown now and registered soon, by a `commit` with this `modseq`: above all that was registered,
   * below all that will be. They keep it if nobody registers anything before that, else they get a greater one. `null`: others have
   * registered something after `since`, or the index is gone. One short transaction.
   */
  reserve(wanted: { readonly since: number; readonly modseq: number }): number | null;
  /** One transaction. `null`: not taken, the index is gone, or knows nothing of the mailbox: see `replace`. */
  commit(registration: Registration): Registered | null;
  /**
   * Begins anew with a whole mailbox, ascending by UID, where `head` is `null`. Messages keep the modseq that they come with. Resolves to `false` where
   * it cannot be written, or another process was faster.
   */
  replace(
    whole: Omit<Registration, "put" | "moved" | "vanished" | "since"> & { readonly put: Iterable<KnownMessage> },
  ): Promise<boolean>;
  /** UIDs that vanished after a modseq, up to `until`; `null` where that is not remembered any more. */
  vanished(since: number, until: number): readonly UidRange[] | null;
  /** What was found out about a message later; -1: not this. Written soon, and perhaps not at all. */
  learn(uid: number, found: Pick<IndexedMessage, "internalDate" | "sizeBytes">): void;
  /** What `keep` was given, by the same process or another; `null` if it is not there. */
  detail(uid: number, kind: DetailKind): string | null;
  /** An octet string: one octet a character. Written soon, and perhaps not at all. A message never changes: what is there stays. */
  keep(uid: number, kind: DetailKind, octets: string): void;
}

export interface MailboxIndex {
  /** `id` means this mailbox under this UIDVALIDITY for ever, and no copy of it elsewhere. `null`: there is no index now. */
  open(id: string): Promise<IndexedMailbox | null>;
  /** The mailbox is deleted. */
  forget(id: string): void;
}
export const MailboxIndex = defineService<MailboxIndex>("postern/mailbox-index@1");
