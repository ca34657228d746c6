/**
 * The maildrop of one session (RFC 1939 3): as it was at login, so message numbers do not move. Marks live in memory; only
 * `update` deletes. What was read is marked \Seen when the session ends, however it ends.
 */
import type { AccountMailboxes, Connection, Mailbox, MessageEntry, Snapshot, UniqueIds } from "postern/plugin";
import type { Hold } from "./admission.ts";
import { inSlices } from "./in-slices.ts";

/** Octets of all messages. Snapshots never change and are shared, so that most logins find it counted. */
const totals = new WeakMap<Snapshot, number>();

export interface Doings {
  /** Messages that RETR has sent to their end. */
  retrieved: number;
  retrievedBytes: number;
  tops: number;
  removed: number;
}

export class Maildrop {
  readonly mailbox: Mailbox;
  readonly doings: Doings = { retrieved: 0, retrievedBytes: 0, tops: 0, removed: 0 };
  readonly #mailboxes: AccountMailboxes;
  readonly #hold: Hold;
  readonly #snapshot: Snapshot;
  /** By message number, as the next. */
  readonly #deleted = new Set<number>();
  readonly #retrieved = new Set<number>();
  #deletedBytes = 0;
  #uniqueIds: UniqueIds | null = null;

  private constructor(mailboxes: AccountMailboxes, hold: Hold, mailbox: Mailbox) {
    this.#mailboxes = mailboxes;
    this.#hold = hold;
    this.mailbox = mailbox;
    this.#snapshot = mailbox.snapshot;
  }

  /** Lets go of `hold` if it rejects. */
  static async open(mailboxes: AccountMailboxes, hold: Hold): Promise<Maildrop> {
    try {
      return new Maildrop(mailboxes, hold, await mailboxes.open("INBOX"));
    } catch (cause) {
      await hold.release();
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

  /** Octets of what is not marked as deleted. Later, where the messages have to be counted first. */
  sizeBytes(connection: Connection): number | Promise<number> {
    const total = totals.get(this.#snapshot);
    return total === undefined ? this.#count(connection.closed) : this.#left(total);
  }

  async #count(signal: AbortSignal): Promise<number> {
    let total = 0;
    await inSlices(this.#snapshot.size, signal, (index) => {
      total += this.#snapshot.at(index).sizeBytes;
    });
    totals.set(this.#snapshot, total);
    return this.#left(total);
  }

  /** A file that somebody made larger must not make less than nothing of the rest. */
  #left(total: number): number {
    return Math.max(0, total - this.#deletedBytes);
  }

  /** `null` for a number that no message has, or one that is marked as deleted. */
  entry(number: number): MessageEntry | null {
    return this.has(number) && !this.#deleted.has(number) ? this.#snapshot.at(number - 1) : null;
  }

  has(number: number): boolean {
    return number >= 1 && number <= this.#snapshot.size;
  }

  /** RFC 1939 7: the unique-id of each message. */
  async uniqueIds(): Promise<(entry: MessageEntry) => string> {
    this.#uniqueIds ??= await this.#mailboxes.uniqueIds(this.mailbox);
    const ids = this.#uniqueIds;
    return ({ uid }) => ids.get(uid) ?? `${uid}.${this.mailbox.uidValidity}`;
  }

  markDeleted(number: number): void {
    const entry = this.entry(number);
    if (!entry) return;
    this.#deletedBytes += entry.sizeBytes;
    this.#deleted.add(number);
  }

  unmarkAll(): void {
    this.#deleted.clear();
    this.#deletedBytes = 0;
  }

  /** RETR has sent the message to its end. */
  markRetrieved(number: number): void {
    this.#retrieved.add(number);
    this.doings.retrieved++;
  }

  /**
   * The UPDATE state (RFC 1939 6): removes what is marked, with `alsoRetrieved` what was fetched, too. Answers how many of them are
   * still there. Rejects if the store does; some may be removed then.
   */
  async update({ alsoRetrieved }: { readonly alsoRetrieved: boolean }): Promise<number> {
    const numbers = alsoRetrieved ? new Set([...this.#deleted, ...this.#retrieved]) : this.#deleted;
    if (numbers.size === 0) return 0;
    const uids = this.#uids(numbers);
    for (const number of numbers) this.#retrieved.delete(number);
    await this.mailbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
    const removed = await this.mailbox.expunge(uids);
    this.doings.removed = removed.length;
    if (removed.length === uids.length) return 0;
    // Others may have been faster: gone is gone.
    const now = await this.mailbox.sync();
    return uids.filter((uid) => {
      const index = now.indexOf(uid);
      return index < now.size && now.at(index).uid === uid;
    }).length;
  }

  /** Ends the session's hold on the maildrop, whatever happened before. Safe to call twice. */
  async release(): Promise<void> {
    try {
      const unseen = [...this.#retrieved].filter((number) => !this.#snapshot.at(number - 1).flags.has("\\Seen"));
      this.#retrieved.clear();
      if (unseen.length > 0) await this.mailbox.store(this.#uids(unseen), { mode: "add", flags: ["\\Seen"] });
    } finally {
      try {
        await this.mailbox.close();
      } finally {
        await this.#hold.release();
      }
    }
  }

  /** Ascending. */
  #uids(numbers: Iterable<number>): readonly number[] {
    return [...numbers].sort((a, b) => a - b).map((number) => this.#snapshot.at(number - 1).uid);
  }
}
