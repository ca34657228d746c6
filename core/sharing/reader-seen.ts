/**
 * What one login has seen of one mailbox of somebody else, shared by its sessions in this process. Other processes change the same file:
 * `refresh` looks, and a hint says when. A damaged file counts as nothing seen, and the log says so.
 */
import { createHash } from "node:crypto";
import type { Log } from "../contracts/log.ts";
import type { MailboxNotes, Note, NoteName } from "../contracts/mailbox-notes.ts";
import type { Mailbox, MessageEntry } from "../contracts/mailbox-store.ts";
import type { Notifier } from "../contracts/notifier.ts";
import { SeenState } from "./seen-state.ts";
import { type Runs, runsOf } from "./uid-runs.ts";

export interface SeenPlace {
  readonly owner: string;
  readonly reader: string;
  readonly notes: MailboxNotes;
  readonly mailbox: string;
  readonly mailboxId: string;
  readonly uidValidity: number;
}

export const readerHash = (login: string): string => createHash("sha256").update(login).digest("hex").slice(0, 32);

export class ReaderSeen {
  /** Entries as the reader sees them, by those of the store. */
  readonly entries = new WeakMap<MessageEntry, MessageEntry>();
  readonly listeners = new Set<() => void>();
  state: SeenState;
  readonly #place: SeenPlace;
  readonly #noteName: NoteName;
  readonly #log: Log;
  #note: Note | null = null;

  constructor(place: SeenPlace, log: Log) {
    this.#place = place;
    this.#noteName = `seen-${readerHash(place.reader)}`;
    this.#log = log;
    this.state = SeenState.empty(place.uidValidity);
  }

  async refresh(): Promise<SeenState> {
    const { notes, mailbox } = this.#place;
    const note = await notes.read(mailbox, this.#noteName, this.#note);
    if (note === this.#note) return this.state;
    this.#note = note;
    this.state = this.#parse(note?.text ?? "", note?.place ?? mailbox);
    return this.state;
  }

  #parse(text: string, file: string): SeenState {
    const state = SeenState.parse(text, this.#place.uidValidity);
    if (state === null) this.#log.warn({ file }, "what a reader has seen is damaged: nothing counts as seen");
    return state ?? SeenState.empty(this.#place.uidValidity);
  }

  /** `mailbox` is brought up to date on the way. Answers the UIDs that changed; those that are gone are passed over. */
  async change(mailbox: Mailbox, uids: readonly number[], isSeen: boolean): Promise<Runs> {
    let changed: Runs = [];
    await this.#place.notes.change(this.#place.mailbox, this.#noteName, async (text) => {
      const held = this.#parse(text, this.#place.mailbox);
      // Under the lock: whoever holds it after us sees what we have seen, and more.
      const snapshot = await mailbox.sync();
      const there = uids.filter((uid) => {
        const index = snapshot.indexOf(uid);
        return index < snapshot.size && snapshot.at(index).uid === uid && held.has(uid) !== isSeen;
      });
      changed = runsOf(there);
      return changed.length === 0 ? text : held.with(changed, isSeen, snapshot).format(this.#place.reader);
    });
    await this.refresh();
    return changed;
  }
}

/** One for each mailbox and reader while somebody holds it. */
export class ReadersSeen {
  readonly #held = new Map<string, { readonly seen: ReaderSeen; count: number; readonly stop: () => void }>();
  readonly #notifier: Notifier | null;
  readonly #log: Log;

  constructor(notifier: Notifier | null, log: Log) {
    this.#notifier = notifier;
    this.#log = log;
  }

  hold(place: SeenPlace): { readonly seen: ReaderSeen; tellOthers(by: () => void): void; release(): void } {
    const key = [place.owner, place.reader, place.mailbox, place.mailboxId, place.uidValidity].join("\0");
    const topic = `seen ${createHash("sha256").update(key).digest("hex")}`;
    let held = this.#held.get(key);
    if (!held) {
      const seen = new ReaderSeen(place, this.#log);
      const tell = () => {
        for (const listener of seen.listeners) listener();
      };
      held = { seen, count: 0, stop: this.#notifier?.subscribe(topic, tell) ?? (() => {}) };
      this.#held.set(key, held);
    }
    const mine = held;
    mine.count++;
    let isReleased = false;
    return {
      seen: mine.seen,
      tellOthers: (by) => {
        for (const listener of mine.seen.listeners) if (listener !== by) listener();
        this.#notifier?.publish(topic);
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        if (--mine.count > 0) return;
        mine.stop();
        this.#held.delete(key);
      },
    };
  }
}
