/**
 * Where mail lives. IMAP, POP3, delivery and Sieve know only this; every store passes the suite in `postern/testing`.
 * Mailbox names are hierarchical with "/" as separator, decoded (UTF-8), "INBOX" in any case is the inbox.
 * Failures are `StoreError`s with a code; anything else thrown is a fault of the machine.
 */
import type { Readable } from "node:stream";
import type { Structure } from "../mail/structure/structure.ts";
import type { Account } from "./account.ts";
import { defineService } from "./service.ts";

/** RFC 3501 2.3.2 system flags are written as there (`\Seen`); everything else is a keyword. `\Recent` is no flag here. */
export type Flag = string;
/** RFC 6154 */
export type SpecialUse = "\\All" | "\\Archive" | "\\Drafts" | "\\Flagged" | "\\Junk" | "\\Sent" | "\\Trash";

export type StoreErrorCode =
  | "nonexistent" // no such mailbox (RFC 5530 NONEXISTENT)
  | "alreadyExists"
  | "cannot" // the name or the operation is not possible here (CANNOT)
  | "overQuota"
  | "noPermission"
  | "inUse" // locked by somebody else (IN-USE)
  | "expunged" // the message is gone (EXPUNGEISSUED)
  | "limit"
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

export interface NewMessage {
  readonly content: Readable | readonly Uint8Array[];
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
  readonly isReadOnly: boolean;
  /** Keywords in use here; more can be made (PERMANENTFLAGS \*). */
  readonly keywords: readonly string[];
  readonly canAddKeywords: boolean;
  /** UIDs that this open claimed as recent: no other session gets them (RFC 3501 2.3.2). A read-only open claims none. */
  readonly recent: ReadonlySet<number>;
  /** The state as this handle last saw it: changes by its own `sync` only, also after its own changes. */
  readonly snapshot: Snapshot;
  /** Compares with the disk; claims new recent messages for this handle. Rejects with `nonexistent` when the mailbox was
   * deleted, renamed or rebuilt under another UIDVALIDITY: it must be opened again. */
  sync(): Promise<Snapshot>;
  /** Called, coalesced, when another session, worker or program may have changed the mailbox: call `sync`. */
  onChange(listener: () => void): () => void;
  /** Bytes of the message, CRLF line ends; `range` is in octets. Rejects with `expunged` if it is gone. */
  content(uid: number, range?: { readonly start: number; readonly length: number }): Promise<Readable>;
  /** The whole message in memory if it is no larger than `limitBytes`, else `null`. */
  bytes(uid: number, limitBytes: number): Promise<Buffer | null>;
  /** MIME structure with octet offsets into `content`. */
  structure(uid: number): Promise<Structure>;
  /** Answers the UIDs that UNCHANGEDSINCE kept from changing; messages gone in the meantime are passed over. */
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

/** Everything one account owns. */
export interface AccountMailboxes {
  readonly separator: "/";
  list(): Promise<readonly MailboxListing[]>;
  /** Subscribed names, also those that do not exist any more (RFC 3501 6.3.9). */
  subscriptions(): Promise<readonly string[]>;
  subscribe(name: string): Promise<void>;
  unsubscribe(name: string): Promise<void>;
  /** Makes missing parents too. */
  create(name: string, specialUse?: SpecialUse): Promise<void>;
  /** A mailbox with children stays as a name only. INBOX cannot be deleted. */
  delete(name: string): Promise<void>;
  /** Children move along; renaming INBOX moves its messages into the new mailbox (RFC 3501 6.3.5). */
  rename(from: string, to: string): Promise<void>;
  status(name: string): Promise<MailboxStatus>;
  open(name: string, how?: { readonly isReadOnly?: boolean }): Promise<Mailbox>;
  /** All or nothing; durable when it resolves. */
  append(
    name: string,
    messages: readonly NewMessage[],
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }>;
  /** Durable hand-over of one message; gives no UID, so it need not wait for anybody who reads. INBOX is made if missing. */
  deliver(name: string, message: NewMessage, how?: { readonly create?: boolean }): Promise<void>;
  /** Exclusive use of the INBOX for POP3 (RFC 1939 3), across workers; `null` if somebody has it. */
  lockMaildrop(): Promise<{ release(): Promise<void> } | null>;
  /** Stable unique-ids of POP3 (RFC 1939 7) for the messages of the open INBOX, by UID. */
  uniqueIds(mailbox: Mailbox): Promise<ReadonlyMap<number, string>>;
}

export interface MailboxStore {
  of(account: Account): Promise<AccountMailboxes>;
}
export const MailboxStore = defineService<MailboxStore>("postern/mailbox-store@1");
