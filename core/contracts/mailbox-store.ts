/**
 * Where mail lives. IMAP, POP3, delivery and Sieve know only this; every store passes the suite in `postern/testing`.
 * Mailbox names are hierarchical with "/" as separator, decoded (UTF-8), "INBOX" in any case is the inbox.
 * Failures are `StoreError`s with a code; anything else thrown is a fault of the machine.
 *
 * UIDVALIDITY (RFC 3501 2.3.1.1): a number from 1 to 2^32-1. Under one UIDVALIDITY a UID means one message for ever and is never
 * given twice, also after a crash, a restart or the loss of every index. A mailbox that is deleted and made again, or that another takes
 * the name of, has a greater one than any that this name had before; a renamed mailbox takes its own along. A store that has lost its
 * list of UIDs gives a new UIDVALIDITY, never the same UIDs anew.
 *
 * Modification sequences (RFC 7162 3.1): every change that a snapshot shows has a modseq above the `highestModseq` of every snapshot,
 * in whatever process, that did not show it (`MailboxIndex` is how processes agree). They never go back, also when the index is deleted.
 */
import type { Readable } from "node:stream";
import type { Rights } from "../mail/acl-rights.ts";
import type { MessageGist, MessageOverview } from "../mail/overview.ts";
import type { Structure } from "../mail/structure/structure.ts";
import type { Account } from "./account.ts";
import type { MailboxNotes } from "./mailbox-notes.ts";
import type { QuotaState } from "./quota.ts";
import { defineService } from "./service.ts";

/** RFC 3501 2.3.2 system flags are written as there (`\Seen`); everything else is a keyword. `\Recent` is no flag here. */
export type Flag = string;
/** RFC 6154; `\Important` is RFC 8457's. */
export type SpecialUse =
  | "\\All"
  | "\\Archive"
  | "\\Drafts"
  | "\\Flagged"
  | "\\Important"
  | "\\Junk"
  | "\\Sent"
  | "\\Trash";

export type StoreErrorCode =
  | "nonexistent" // no such mailbox (RFC 5530 NONEXISTENT)
  | "alreadyExists"
  | "cannot" // the name or the operation is not possible here (CANNOT)
  | "overQuota"
  | "noPermission"
  | "inUse" // locked by somebody else (IN-USE)
  | "expunged" // the message is gone (EXPUNGEISSUED)
  | "limit" // more than is kept: UIDs, keywords, annotations
  | "corruption"
  | "unavailable"; // try again later

/** Told by `code`, not by class. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface MailboxListing {
  readonly name: string;
  /** `false`: only a step on the way to its children (\Noselect). */
  readonly isSelectable: boolean;
  readonly hasChildren: boolean;
  readonly isSubscribed: boolean;
  readonly specialUse: SpecialUse | null;
}

/** RFC 3501 6.3.10, and SIZE. */
export interface MailboxStatus {
  readonly messages: number;
  readonly recent: number;
  readonly unseen: number;
  readonly uidNext: number;
  readonly uidValidity: number;
  readonly highestModseq: number;
  readonly sizeBytes: number;
  /** RFC 8474 4: stays with the mailbox when it is renamed, and never means another, nor this one under another UIDVALIDITY. */
  readonly mailboxId: string;
}

/** One message as it stands in a snapshot. A new object whenever anything of it changed, so `===` tells. */
export interface MessageEntry {
  readonly uid: number;
  readonly flags: ReadonlySet<Flag>;
  readonly modseq: number;
  /** Milliseconds since 1970. */
  readonly internalDate: number;
  /** Octets with CRLF line ends, as fetched (RFC822.SIZE). */
  readonly sizeBytes: number;
  /** When it came into this mailbox, by whatever way (RFC 8514), in milliseconds since 1970; `null` where nobody wrote it down. */
  readonly saveDate: number | null;
}

/** A mailbox at one moment: immutable, shared between sessions, ascending by UID. */
export interface Snapshot {
  readonly uidNext: number;
  readonly highestModseq: number;
  readonly size: number;
  /** 0-based; throws a RangeError beyond `size`. */
  at(index: number): MessageEntry;
  /** Index of the first message whose UID is not below `uid`; `size` if there is none. */
  indexOf(uid: number): number;
}

/** Both ends are in it. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

/** What has happened to a mailbox since a modseq (RFC 7162), as of the snapshot that was asked. */
export interface MailboxChanges {
  /** UIDs in the snapshot with a greater modseq; ascending. */
  readonly changed: readonly number[];
  /** UIDs that have gone since then; ascending, no two ranges touch. Never a UID of the snapshot, never one from `uidNext` on. */
  readonly vanished: readonly UidRange[];
  /** `false`: what is remembered does not reach back so far, and `vanished` is every UID that is not there (RFC 7162 3.2.6
   * allows it). */
  readonly isExact: boolean;
  readonly highestModseq: number;
}

/**
 * Entries of RFC 5464 of one mailbox, by name: lower case, beginning with `/private/` or `/shared/`. Values are octets as they
 * were set.
 */
export type Annotations = ReadonlyMap<string, Buffer>;

export interface AnnotationLimits {
  /** Octets of one value. */
  readonly valueBytes: number;
  /** Entries of one mailbox. */
  readonly entries: number;
}

export interface NewMessage {
  /** Read once, from its beginning: a `Readable`, or whatever else gives its octets in pieces. */
  readonly content: AsyncIterable<Uint8Array> | readonly Uint8Array[];
  /** Exact octets of `content`, if known. */
  readonly sizeBytes?: number;
  readonly flags?: readonly Flag[];
  readonly internalDate?: number;
  /** Makes a repeated hand-over harmless: the same id and the same octets delivered twice into a mailbox are there once.
   * An id that begins with an envelope's id is cheapest: the time in it says where to look. */
  readonly deliveryId?: string;
  /** Only with the knowledge that nothing was handed over under this id before (no earlier try, no restart since it was
   * accepted): the store need not look for it. */
  readonly isFirstTry?: boolean;
  /** Taken in however full the account is: the server itself says something. */
  readonly isBeyondQuota?: boolean;
  /** For mailboxes that come from elsewhere: the UID it had there. Kept where it is not below UIDNEXT and the store can keep
   * UIDs (`takeUids`), else it gets the next one. */
  readonly uid?: number;
  /** For imports, in `append`: the unique-id that POP3 clients know it by (RFC 1939 7: 1 to 70 characters from 0x21 to 0x7E). A
   * store that cannot keep it makes one of its own. */
  readonly uniqueId?: string;
}

export interface FlagChange {
  readonly mode: "add" | "remove" | "replace";
  readonly flags: readonly Flag[];
  /** RFC 7162 3.1.3: messages with a greater modseq are left alone. */
  readonly unchangedSince?: number;
}

export interface CopyResult {
  /** UIDVALIDITY of the target. */
  readonly uidValidity: number;
  /** Pairs in ascending order of the source (RFC 4315 3). */
  readonly uids: readonly { readonly from: number; readonly to: number }[];
}

/** A mailbox held open by one session. Many may hold the same one. */
export interface Mailbox {
  readonly name: string;
  readonly uidValidity: number;
  /** See `MailboxStatus`. */
  readonly mailboxId: string;
  readonly isReadOnly: boolean;
  /** Keywords in use here; more can be made (PERMANENTFLAGS \*). */
  readonly keywords: readonly string[];
  readonly canAddKeywords: boolean;
  /** RFC 4314: what whoever opened it may do. Left out: everything. */
  readonly rights?: Rights;
  /** UIDs that this open claimed as recent: no other session gets them (RFC 3501 2.3.2). A read-only open claims none. */
  readonly recent: ReadonlySet<number>;
  /** The state as this handle last saw it: changes by its own `sync` only, also after its own changes. */
  readonly snapshot: Snapshot;
  /** Compares with the disk; claims new recent messages for this handle. Rejects with `nonexistent` when the mailbox was
   * deleted, renamed or rebuilt under another UIDVALIDITY: it must be opened again. The first one after a `store` of this handle may
   * show the mailbox as it was with that change in it, and look at the disk the next time. */
  sync(): Promise<Snapshot>;
  /** Called, coalesced, when another session, worker or program may have changed the mailbox: call `sync`. */
  onChange(listener: () => void): () => void;
  /** Bytes of the message, CRLF line ends; `range` is in octets. Rejects with `expunged` if it is gone. */
  content(uid: number, range?: { readonly start: number; readonly length: number }): Promise<Readable>;
  /** The whole message in memory if it is no larger than `limitBytes`, else `null`. A value where that takes no time worth waiting for. */
  bytes(uid: number, limitBytes: number): Buffer | null | Promise<Buffer | null>;
  /** MIME structure with octet offsets into `content`, and envelopes of messages inside. A value, or a promise, as `overview`. */
  structure(uid: number): Structure | Promise<Structure>;
  /**
   * What lists of messages show: envelope, date, what it follows. A value, not a promise, where it is known, as it is for all that was
   * asked for before and has not been forgotten, or soon found out. Rejects with `expunged` if the message is gone.
   */
  overview(uid: number): MessageOverview | Promise<MessageOverview>;
  /** Preview and object ids; as `overview`, but takes more to find out. */
  gist(uid: number): MessageGist | Promise<MessageGist>;
  /** The same where it is known without opening the message; else `null`, and nothing is begun. */
  knownGist(uid: number): MessageGist | null;
  /**
   * What happened since any modseq of the past, by the snapshot of this handle: whoever knew the mailbox as it was then knows it
   * afterwards as `snapshot` shows it. A modseq not below the snapshot's answers nothing; 0 answers everything.
   */
  changesSince(modseq: number): Promise<MailboxChanges>;
  /**
   * Answers the UIDs that UNCHANGEDSINCE kept from changing; messages gone in the meantime are passed over. What is answered outlives the
   * process, though other programs may see it a moment later; whatever is asked of the mailbox next, by whomever, finds it done.
   */
  store(uids: readonly number[], change: FlagChange): Promise<{ readonly unchanged: readonly number[] }>;
  /** Removes messages with \Deleted among `uids`, or all with \Deleted if `null`. Answers the UIDs removed. */
  expunge(uids: readonly number[] | null): Promise<readonly number[]>;
  /** All or nothing. Rejects with `nonexistent` if the target is not there (TRYCREATE), with `expunged` if a message of
   * `snapshot` is gone; UIDs that `snapshot` does not have are passed over. */
  copy(uids: readonly number[], target: string): Promise<CopyResult>;
  /** RFC 6851: never both gone and missing; after a crash a message may be in both. */
  move(uids: readonly number[], target: string): Promise<CopyResult>;
  close(): Promise<void>;
}

export type DefectKind =
  | "missing-directory"
  | "uid-list" // damaged, or no list at all where one was
  | "double-uid"
  | "keywords"
  | "stale-lock"
  | "wrong-size" // what is noted of a message is not what it has
  | "wrong-name" // a message that is not where, or not called as, others would find it
  | "half-written" // what a crash left
  | "link" // a link where mail should be
  | "index" // what can be made again
  | "quota" // the count is not what is there
  | "content"; // a message that cannot be read, or not understood

/** Something wrong with a mailbox on its disk. */
export interface Defect {
  readonly kind: DefectKind;
  /** What is wrong, for the operator; may name files, never their content. */
  readonly text: string;
  readonly uid: number | null;
  /** What was done about it; `null`: nothing, either because nothing was to be done, or because it cannot be mended here. */
  readonly done: string | null;
}

/** Everything one account owns. */
/** By UID. Made when they are asked for, where a store can: a maildrop may be very large, and most clients ask for a few. */
export interface UniqueIds {
  /** `undefined`: no such message was in the mailbox. */
  get(uid: number): string | undefined;
}

/** How a mailbox is opened; by default for changes, and claiming what is recent. */
export interface OpenOptions {
  readonly isReadOnly?: boolean;
  /** `false`: new messages stay recent for whoever comes next (RFC 3501 2.3.2), as with a read-only open. */
  readonly claimsRecent?: boolean;
}

export interface AccountMailboxes {
  readonly separator: "/";
  list(): Promise<readonly MailboxListing[]>;
  /** Subscribed names, also those that do not exist any more (RFC 3501 6.3.9). */
  subscriptions(): Promise<readonly string[]>;
  subscribe(name: string): Promise<void>;
  unsubscribe(name: string): Promise<void>;
  /** Makes missing parents too. Rejects with `cannot` where another mailbox was given the special use. */
  create(name: string, specialUse?: SpecialUse): Promise<void>;
  /** Rejects with `cannot` where another mailbox was given the use, by this or by `create`. One that had it by its name alone has it no
   * longer. `null`: no use, whatever its name. */
  setSpecialUse(name: string, use: SpecialUse | null): Promise<void>;
  /** RFC 5464: of a mailbox, or the account's own of the server (`null`). They go with the mailbox when it is renamed or deleted;
   * those of INBOX stay when it is renamed. */
  annotations(name: string | null): Promise<Annotations>;
  /**
   * Sets entries, or removes them (`null`); all or nothing, durable when it resolves. Names are taken in any case. Rejects with `cannot`
   * for a name that is none (RFC 5464 3.2), with `limit` beyond `annotationLimits`, and with `noPermission` for
   * shared entries of the server, which are no account's.
   */
  annotate(name: string | null, entries: ReadonlyMap<string, Uint8Array | null>): Promise<void>;
  readonly annotationLimits: AnnotationLimits;
  /** Called, coalesced, when another program may have made, renamed, removed or subscribed mailboxes: look again. Answers how to stop. Left
   * out: nobody can tell. */
  onNames?(listener: () => void): () => void;
  /** Left out: nothing can be kept beside mailboxes, and they cannot be shared. */
  readonly notes?: MailboxNotes;
  /** A mailbox with children stays as a name only. INBOX cannot be deleted. */
  delete(name: string): Promise<void>;
  /** Children move along; renaming INBOX moves its messages into the new mailbox (RFC 3501 6.3.5). */
  rename(from: string, to: string): Promise<void>;
  status(name: string): Promise<MailboxStatus>;
  open(name: string, how?: OpenOptions): Promise<Mailbox>;
  /**
   * All or nothing; durable when it resolves. An iterable is asked for its first message only when the mailbox is known to be there and not
   * full, and for each of the others when the one before has been read to its end. Where it throws, nothing is kept.
   */
  append(
    name: string,
    messages: readonly NewMessage[] | AsyncIterable<NewMessage>,
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }>;
  /** Durable hand-over of one message; gives no UID, so it need not wait for anybody who reads. INBOX is made if missing. */
  deliver(name: string, message: NewMessage, how?: { readonly create?: boolean }): Promise<void>;
  /** Exclusive use of the INBOX for POP3 (RFC 1939 3), across workers; `null` if somebody has it. */
  lockMaildrop(): Promise<{ release(): Promise<void> } | null>;
  /** Stable unique-ids of POP3 (RFC 1939 7) for the messages of the open INBOX. */
  uniqueIds(mailbox: Mailbox): Promise<UniqueIds>;
  /**
   * What is kept, and what may be. `null` where nothing limits the account, or the mailbox that is asked about;
   * `recount` looks at every mailbox, also then.
   */
  quota(how?: { readonly of: string }): Promise<QuotaState | null>;
  quota(how: { readonly recount: true }): Promise<QuotaState>;
  /**
   * Looks for damage. `repair` mends what it can and loses nothing: what cannot be kept in its place is kept beside it. Safe while
   * others use the mailbox. Rejects with `nonexistent` only where nothing at all is left of it.
   */
  inspect(name: string, how: { readonly repair: boolean }): Promise<readonly Defect[]>;
  /**
   * Makes an empty mailbox go on with the UIDs of another server; one that has this UIDVALIDITY already, empty or not, gives none below
   * `uidNext` any more. `false`: it is another's and not empty, or its UIDs are not ours to choose.
   */
  takeUids(name: string, from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean>;
}

export interface MailboxStore {
  of(account: Account): Promise<AccountMailboxes>;
}
export const MailboxStore = defineService<MailboxStore>("postern/mailbox-store@1");
