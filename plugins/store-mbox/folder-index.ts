/**
 * A folder's part in the index of mailboxes (ADR 12). Everything is registered under the mailbox's lock, so whoever gets the lock hears all
 * that others did. Where that is not so (a file that nobody here may write is not locked against readers) the folder leaves the index.
 */
import { statSync } from "node:fs";
import type { IndexedMailbox, IndexHead, Registered } from "postern/plugin";
import { type Cursor, cursorOf, cursorText } from "./cursor.ts";
import { flagText, type MailboxState } from "./mailbox-state.ts";
import type { Message } from "./message.ts";
import type { Site } from "./site.ts";

/** What a mailbox is called in the index. */
export interface IndexName {
  /** Its own things: a copy of it has another inode. */
  readonly control: string;
  readonly mailboxId: string;
  readonly uidValidity: number;
}

/** One change, as it is now. */
export interface Registering {
  /** New, or with other flags, or in another place. */
  readonly touched: Iterable<Message>;
  readonly gone: readonly number[];
  /** What was known before it. */
  readonly since: number;
  /** Messages that show a change have it. */
  readonly modseq: number;
  readonly stamp: string;
}

export class FolderIndex {
  readonly mailbox: IndexedMailbox;
  readonly #site: Site;
  readonly #id: string;
  #moves = 0;

  private constructor(site: Site, id: string, mailbox: IndexedMailbox) {
    this.#site = site;
    this.#id = id;
    this.mailbox = mailbox;
  }

  /** `null`: there is none. */
  static async open(site: Site, { control, mailboxId, uidValidity }: IndexName): Promise<FolderIndex | null> {
    const directory = statSync(control, { bigint: true, throwIfNoEntry: false });
    if (!site.index || !directory || mailboxId === "" || uidValidity === 0) return null;
    const id = `mbox ${mailboxId} ${uidValidity} ${directory.ino}`;
    const mailbox = await site.index.open(id);
    return mailbox && new FolderIndex(site, id, mailbox);
  }

  head(): (IndexHead & { readonly seen: Cursor | null }) | null {
    const head = this.mailbox.head();
    return head && { ...head, seen: cursorOf(head.cursor, this.#site.quoting) };
  }

  saw({ moves }: Pick<IndexHead, "moves">): void {
    this.#moves = moves;
  }

  /** Whether messages may stand elsewhere than was registered when we looked last. */
  hasMoved({ moves }: Pick<IndexHead, "moves">): boolean {
    return moves !== this.#moves;
  }

  /** `null`: it knows nothing of the mailbox. `false`: others have registered what we do not know. */
  commit(state: MailboxState, { touched, gone, since, modseq, stamp }: Registering): Registered | false | null {
    const put: ReturnType<typeof indexed>[] = [];
    const moved: ReturnType<typeof indexed>[] = [];
    for (const message of new Set(touched)) {
      const entry = state.snapshot.find(message.uid);
      if (entry?.message === message)
        (entry.modseq === modseq ? put : moved).push(indexed(state, message, entry.flags));
    }
    const registered = this.mailbox.commit({
      ...{ since, modseq, put, moved, vanished: gone, uidNext: state.uidNext },
      cursor: cursorText(state, stamp, this.#site.quoting),
    });
    if (!registered) return null;
    if (moved.length > 0) this.#moves = this.mailbox.head()?.moves ?? this.#moves;
    const { others, refused } = registered;
    const isAlone = others.put.length === 0 && others.vanished.length === 0 && refused.length === 0;
    const isAsShown = (put.length === 0 && gone.length === 0) || registered.modseq === modseq;
    return isAlone && isAsShown ? registered : false;
  }

  /** Registers the mailbox as a whole; `false`: that cannot be done, or another process was faster. */
  async begin(state: MailboxState, stamp: string): Promise<boolean> {
    function* all() {
      let before = state.lead?.behind ?? 0;
      for (const { message, flags, modseq } of state.snapshot) {
        yield { ...indexed(state, message, flags, before), modseq };
        before = message.behind;
      }
    }
    const { highestModseq: modseq, uidNext } = state.snapshot;
    const cursor = cursorText(state, stamp, this.#site.quoting);
    const isBegun = await this.mailbox.replace({ modseq, uidNext, cursor, put: all() });
    if (isBegun) this.#moves = this.mailbox.head()?.moves ?? 0;
    return isBegun;
  }

  forget(): void {
    this.#site.index?.forget(this.#id);
  }
}

function indexed(state: MailboxState, message: Message, flags: Iterable<string>, before = state.before(message)) {
  const { uid, internalDate, sizeBytes } = message;
  return { uid, internalDate, sizeBytes, flags: flagText(flags), place: message.placeOf(before) };
}
