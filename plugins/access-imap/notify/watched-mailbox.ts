/** A mailbox that is not selected, watched for a client (RFC 5465 5.1 to 5.3): what happens there is told as STATUS. */
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { isStoreError } from "../reply.ts";
import type { ImapSession } from "../session.ts";

export interface Wishes {
  /** MessageNew, MessageExpunge. */
  readonly messages: boolean;
  /** FlagChange. */
  readonly flags: boolean;
}

interface State {
  readonly uidValidity: number;
  readonly messages: number;
  readonly uidNext: number;
  readonly modseq: number;
  readonly unseen: number;
}

export class WatchedMailbox {
  readonly name: string;
  wishes: Wishes;
  /** Something may have happened since it was looked at. */
  isStale = false;
  readonly #session: ImapSession;
  readonly #mailboxes: AccountMailboxes;
  readonly #onHint: () => void;
  #mailbox: Mailbox;
  #stopListening: () => void;
  #told: State = { uidValidity: 0, messages: 0, uidNext: 0, modseq: 0, unseen: 0 };

  private constructor(
    given: { session: ImapSession; mailboxes: AccountMailboxes; onHint: () => void; wishes: Wishes },
    mailbox: Mailbox,
  ) {
    this.name = mailbox.name;
    this.wishes = given.wishes;
    this.#session = given.session;
    this.#mailboxes = given.mailboxes;
    this.#onHint = given.onHint;
    this.#mailbox = mailbox;
    this.#stopListening = this.#listen();
  }

  /** Rejects as the store does. */
  static async open(
    name: string,
    given: { session: ImapSession; mailboxes: AccountMailboxes; onHint: () => void; wishes: Wishes },
  ): Promise<WatchedMailbox> {
    const watched = new WatchedMailbox(given, await given.mailboxes.open(name, { isReadOnly: true }));
    watched.#told = await watched.#look();
    return watched;
  }

  get mailboxId(): string {
    return this.#mailbox.mailboxId;
  }

  #listen(): () => void {
    return this.#mailbox.onChange(() => {
      this.isStale = true;
      this.#onHint();
    });
  }

  /** RFC 5465 3.1: how things stand when the watch begins. */
  formatStatus(): string {
    const { uidValidity, messages, uidNext, modseq, unseen } = this.#told;
    const items = [`MESSAGES ${messages}`, `UIDNEXT ${uidNext}`, `UIDVALIDITY ${uidValidity}`];
    if (this.wishes.flags) items.push(`UNSEEN ${unseen}`, `HIGHESTMODSEQ ${modseq}`);
    return this.#format(items);
  }

  /** What the client is told now; `null`: nothing. Rejects with `nonexistent` where the mailbox is no more. */
  async news(): Promise<string | null> {
    this.isStale = false;
    try {
      await this.#mailbox.sync();
    } catch (fault) {
      if (!isStoreError(fault, "nonexistent")) throw fault;
      await this.#openAgain();
    }
    const before = this.#told;
    this.#told = await this.#look();
    const { state } = this.#session;
    // RFC 5465 3.1: of the selected mailbox only what goes with SELECTED.
    if (state.at === "selected" && state.selected.mailbox.name === this.name) return null;
    return this.#difference(before, this.#told);
  }

  #difference(before: State, now: State): string | null {
    const isAware = this.#session.enabled.has("CONDSTORE");
    const isOther = before.uidValidity !== now.uidValidity;
    const items = new Map<string, number>();
    // RFC 5465 5.2, 5.3
    if (this.wishes.messages && (isOther || before.messages !== now.messages || before.uidNext !== now.uidNext)) {
      items.set("MESSAGES", now.messages).set("UIDNEXT", now.uidNext);
      if (isAware) items.set("HIGHESTMODSEQ", now.modseq);
      if (isOther) items.set("UIDVALIDITY", now.uidValidity);
    }
    // RFC 5465 5.1: without CONDSTORE only what UNSEEN can say, and UIDVALIDITY in any case.
    const isChanged = before.modseq !== now.modseq && (isAware || before.unseen !== now.unseen);
    if (this.wishes.flags && (isOther || isChanged)) {
      items.set("UIDVALIDITY", now.uidValidity).set("UNSEEN", now.unseen);
      if (isAware) items.set("HIGHESTMODSEQ", now.modseq);
    }
    return items.size === 0 ? null : this.#format([...items].map(([item, value]) => `${item} ${value}`));
  }

  #format(items: readonly string[]): string {
    return `* STATUS ${this.#session.formatName(this.name)} (${items.join(" ")})`;
  }

  async #look(): Promise<State> {
    const { snapshot, uidValidity } = this.#mailbox;
    const unseen = this.wishes.flags ? (await this.#mailboxes.status(this.name)).unseen : 0;
    return {
      ...{ uidValidity, unseen, messages: snapshot.size },
      ...{ uidNext: snapshot.uidNext, modseq: snapshot.highestModseq },
    };
  }

  /** The name is another mailbox's now, or the same one rebuilt. */
  async #openAgain(): Promise<void> {
    await this.close();
    this.#mailbox = await this.#mailboxes.open(this.name, { isReadOnly: true });
    this.#stopListening = this.#listen();
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#mailbox.close();
  }
}
