/**
 * What a session is told of without asking (RFC 5465): the selected mailbox, as `tellNews` does it, and others, which are watched here.
 * `tell` is called by the session's pusher, never while a command runs. Mailboxes in one watch are bounded; beyond that the client is told
 * NOTIFICATIONOVERFLOW.
 */
import type { AccountMailboxes } from "postern/plugin";
import { isStoreError, storeReply } from "../reply.ts";
import type { ImapSession } from "../session.ts";
import type { EventGroup, EventGroups, SelectedGroup } from "./event-groups.ts";
import { Names } from "./names.ts";
import { isWanted, type NamedMailbox } from "./scope.ts";
import { WatchedMailbox, type Wishes } from "./watched-mailbox.ts";

/** Each is held open. */
const maxMailboxes = 200;
/** Hints may get lost, and not all that other programs do is heard of. */
const lookAgainMs = 60_000;

/** More mailboxes than one session may watch. */
export class NotificationOverflow extends Error {}

export class Notify {
  /** RFC 5465 3.1: `null` is the same as SELECTED NONE. */
  readonly selected: SelectedGroup | null;
  readonly #session: ImapSession;
  readonly #mailboxes: AccountMailboxes;
  readonly #groups: readonly EventGroup[];
  readonly #watched = new Map<string, WatchedMailbox>();
  readonly #names: Names;
  #areNamesStale = false;
  #stopListening: () => void = () => {};
  #isClosed = false;

  constructor(session: ImapSession, mailboxes: AccountMailboxes, { selected, others }: EventGroups) {
    this.#session = session;
    this.#mailboxes = mailboxes;
    this.selected = selected?.events.messages ? selected : null;
    this.#groups = others;
    this.#names = new Names(session, mailboxes, others);
  }

  /** Whether anything is told between commands. */
  get isOn(): boolean {
    return this.selected !== null || this.#groups.length > 0;
  }

  /** Begins to watch; answers what is to be said first. Rejects with `NotificationOverflow`, and as the store does. */
  async begin({ isStatusWanted }: { readonly isStatusWanted: boolean }): Promise<readonly string[]> {
    if (this.#groups.length === 0) return [];
    try {
      const stopHints = this.#session.services.nameHints.subscribe(() => this.#lookAtNames());
      const timer = setInterval(() => this.#lookAtNames(), lookAgainMs);
      timer.unref();
      const stopNames = this.#mailboxes.onNames?.(() => this.#lookAtNames());
      this.#stopListening = () => {
        stopHints();
        stopNames?.();
        clearInterval(timer);
      };
      await this.#names.begin();
      const refused = await this.#watch();
      const { state } = this.#session;
      const selected = state.at === "selected" ? state.selected.mailbox.name : null;
      // RFC 5465 3.1: of every mailbox but the selected one.
      const status = [...this.#watched.values()].filter(({ name }) => isStatusWanted && name !== selected);
      return [...refused, ...status.map((watched) => watched.formatStatus())];
    } catch (fault) {
      await this.close();
      throw fault;
    }
  }

  #lookAtNames(): void {
    this.#areNamesStale = true;
    this.#session.pusher.hint();
  }

  /** Goes on or off with what the groups mean now. Answers what is to be said of those that cannot be watched. */
  async #watch(): Promise<readonly string[]> {
    const wanted = new Map<string, Wishes>();
    for (const mailbox of this.#names.mailboxes) {
      const wishes = this.#wishesFor(mailbox);
      if (wishes.messages || wishes.flags) wanted.set(mailbox.name, wishes);
    }
    if (wanted.size > maxMailboxes) throw new NotificationOverflow();
    for (const [name, watched] of this.#watched) if (!wanted.has(name)) await this.#forget(watched);
    const refused: string[] = [];
    for (const [name, wishes] of wanted) {
      const watched = this.#watched.get(name);
      if (watched) watched.wishes = wishes;
      else if (!(await this.#begin(name, wishes))) {
        // RFC 5465 3.1: one may know that it is there, and nothing more.
        refused.push(`* LIST (\\NoAccess) "/" ${this.#session.formatName(name)}`);
      }
    }
    return refused;
  }

  #wishesFor(mailbox: NamedMailbox): Wishes {
    const isSure = mailbox.isSelectable;
    return {
      messages: isSure && isWanted(this.#groups, mailbox, "messages"),
      flags: isSure && isWanted(this.#groups, mailbox, "flags"),
    };
  }

  async #begin(name: string, wishes: Wishes): Promise<boolean> {
    const onHint = () => this.#session.pusher.hint();
    const given = { session: this.#session, mailboxes: this.#mailboxes, onHint, wishes };
    try {
      this.#watched.set(name, await WatchedMailbox.open(name, given));
      return true;
    } catch (fault) {
      if (isStoreError(fault, "noPermission")) return false;
      // RFC 5465 3.1: what does not exist is passed over.
      if (!isStoreError(fault, "nonexistent")) throw fault;
      return true;
    }
  }

  async #forget(watched: WatchedMailbox): Promise<void> {
    this.#watched.delete(watched.name);
    await watched.close();
  }

  /** What has happened since the last time. */
  async tell(): Promise<void> {
    const { out } = this.#session;
    if (this.#areNamesStale) {
      this.#areNamesStale = false;
      for (const line of await this.#nameNews()) out.line(line);
    }
    for (const watched of [...this.#watched.values()]) {
      if (this.#isClosed) return;
      if (!watched.isStale) continue;
      const line = await this.#newsOf(watched);
      if (line !== null) out.line(line);
      const wait = out.flushIfFull();
      if (wait) await wait;
    }
  }

  async #nameNews(): Promise<readonly string[]> {
    try {
      const news = await this.#names.news();
      return [...news, ...(await this.#watch())];
    } catch (fault) {
      if (fault instanceof NotificationOverflow) {
        await this.close();
        this.#session.notify = none(this.#session, this.#mailboxes);
        // RFC 5465 5.8
        return ["* OK [NOTIFICATIONOVERFLOW] Too many mailboxes"];
      }
      this.#warn(fault);
      return [];
    }
  }

  async #newsOf(watched: WatchedMailbox): Promise<string | null> {
    try {
      return await watched.news();
    } catch (fault) {
      // It is gone, or one may not see it any more: names tell.
      if (isStoreError(fault, "nonexistent") || isStoreError(fault, "noPermission")) {
        await this.#forget(watched);
        this.#areNamesStale = true;
        this.#session.pusher.hint();
      } else this.#warn(fault);
      return null;
    }
  }

  #warn(fault: unknown): void {
    const { log } = this.#session;
    if (storeReply(fault)) log.warn({ err: fault }, "watched mailboxes cannot be looked at now");
    else log.error({ err: fault }, "watching mailboxes failed");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    for (const watched of [...this.#watched.values()]) await this.#forget(watched);
  }
}

/** NOTIFY NONE: nothing is told that is not asked for. */
export const none = (session: ImapSession, mailboxes: AccountMailboxes): Notify =>
  new Notify(session, mailboxes, { selected: null, others: [], isUnsupported: false });
