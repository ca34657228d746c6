/**
 * The maildrop of one session (RFC 1939 3): locked, and as it was at login: message numbers do not move. Marks live in memory; only
 * `update` deletes. What was read is marked \Seen when the session ends, however it ends.
 */
import type { AccountMailboxes, Mailbox, MessageEntry, Snapshot } from "postern/plugin";

export class Maildrop {
  readonly mailbox: Mailbox;
  readonly #mailboxes: AccountMailboxes;
  readonly #lock: { release(): Promise<void> };
  readonly #snapshot: Snapshot;
  /** By message number. */
  readonly #deleted = new Set<number>();
  readonly #seenUids = new Set<number>();
  #deletedBytes = 0;
  #totalBytes = -1;
  #uniqueIds: ReadonlyMap<number, string> | null = null;

  private constructor(mailboxes: AccountMailboxes, lock: { release(): Promise<void> }, mailbox: Mailbox) {
    this.#mailboxes = mailboxes;
    this.#lock = lock;
    this.mailbox = mailbox;
    this.#snapshot = mailbox.snapshot;
  }

  /** `null` if somebody else has it. */
  static async open(mailboxes: AccountMailboxes): Promise<Maildrop | null> {
    const lock = await mailboxes.lockMaildrop();
    if (!lock) return null;
    try {
      return new Maildrop(mailboxes, lock, await mailboxes.open("INBOX"));
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  }

  /** The highest message number; numbers go from 1. */
  get last(): number {
    return this.#snapshot.size;
  }

  get count(): number {
    return this.#snapshot.size - this.#deleted.size;
  }

  get sizeBytes(): number {
    if (this.#totalBytes < 0) {
      this.#totalBytes = 0;
      for (let index = 0; index < this.#snapshot.size; index++) this.#totalBytes += this.#snapshot.at(index).sizeBytes;
    }
    return this.#totalBytes - this.#deletedBytes;
  }

  /** `null` for a number that no message has, or one that is marked as deleted. */
  entry(number: number): MessageEntry | null {
    if (number < 1 || number > this.#snapshot.size || this.#deleted.has(number)) return null;
    return this.#snapshot.at(number - 1);
  }

  /** RFC 1939 7: the unique-id of each message. */
  async uniqueIds(): Promise<(entry: MessageEntry) => string> {
    this.#uniqueIds ??= await this.#mailboxes.uniqueIds(this.mailbox);
    const ids = this.#uniqueIds;
    return ({ uid }) => ids.get(uid) ?? `${uid}.${this.mailbox.uidValidity}`;
  }

  markDeleted(number: number): boolean {
    const entry = this.entry(number);
    if (!entry) return false;
    this.#deletedBytes += entry.sizeBytes;
    this.#deleted.add(number);
    return true;
  }

  unmarkAll(): void {
    this.#deleted.clear();
    this.#deletedBytes = 0;
  }

  markSeen({ uid, flags }: MessageEntry): void {
    if (!flags.has("\\Seen")) this.#seenUids.add(uid);
  }

  /** The UPDATE state (RFC 1939 6): removes what is marked. Rejects if that is not possible: nothing more is removed then. */
  async update(): Promise<void> {
    if (this.#deleted.size === 0) return;
    const uids = [...this.#deleted].map((number) => this.#snapshot.at(number - 1).uid);
    for (const uid of uids) this.#seenUids.delete(uid);
    await this.mailbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
    await this.mailbox.expunge(uids);
  }

  /** Ends the session's hold on the maildrop, whatever happened before. */
  async release(): Promise<void> {
    try {
      if (this.#seenUids.size > 0) await this.mailbox.store([...this.#seenUids], { mode: "add", flags: ["\\Seen"] });
    } finally {
      try {
        await this.mailbox.close();
      } finally {
        await this.#lock.release();
      }
    }
  }
}
