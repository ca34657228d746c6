/**
 * What one process knows of one mbox. Changed only by `take`, whether the change is its own or was heard of. A message that is shown stays
 * the same object while nothing but its place changes.
 */
import type { Message } from "./message.ts";
import { Entry, emptySnapshot } from "./snapshot.ts";

const MAX_FLAG_SETS = 4_096;

/** The file as it is known to be. */
export interface Look {
  /** Inode, size, times. Empty: to be compared with the file. */
  readonly stamp: string;
  /** Another content would have another stamp. */
  readonly isSettled: boolean;
  /** Where the last message ends. */
  readonly end: number;
  readonly keywords: readonly string[];
  /** Others may have changed flags in the middle. */
  readonly isDoubtful: boolean;
  /** Messages up to this UID have been told of as recent, whatever stands in them. */
  readonly oldUpTo: number;
}

export interface Read {
  readonly message: Message;
  readonly flags: ReadonlySet<string>;
  readonly modseq: number;
}

/** What becomes different. */
export interface Edit {
  readonly put?: Iterable<Read>;
  readonly gone?: Iterable<number>;
  readonly uidNext?: number;
  readonly highestModseq?: number;
}

const NOTHING_SEEN: Look = { stamp: "", isSettled: false, end: 0, keywords: [], isDoubtful: false, oldUpTo: 0 };

export class MailboxState {
  snapshot = emptySnapshot;
  uidValidity = 0;
  /** A message that holds what belongs to the mailbox, and is none (UW). */
  lead: Message | null = null;
  look = NOTHING_SEEN;
  /** Octets of all messages, as fetched. */
  sizeBytes = 0;
  /** Messages that no session has been told of as recent. */
  readonly fresh = new Set<Message>();
  readonly #flagSets = new Map<string, ReadonlySet<string>>();

  get uidNext(): number {
    return this.snapshot.uidNext;
  }

  get keywords(): readonly string[] {
    return this.look.keywords;
  }

  flagsOf(flags: Iterable<string>): ReadonlySet<string> {
    return this.flagsIn(flagText(flags));
  }

  /** By their text. */
  flagsIn(text: string): ReadonlySet<string> {
    const known = this.#flagSets.get(text);
    if (known) return known;
    const made = new Set(text === "" ? [] : text.split(" "));
    texts.set(made, text);
    if (this.#flagSets.size >= MAX_FLAG_SETS) this.#flagSets.clear();
    this.#flagSets.set(text, made);
    return made;
  }

  /** All messages of the file, in its order. */
  *messages(): Generator<Message> {
    if (this.lead) yield this.lead;
    for (const { message } of this.snapshot) yield message;
  }

  /** Where the message in front of this one ends. */
  before({ uid }: Message): number {
    const index = uid > 0 ? this.snapshot.indexOf(uid) : 0;
    if (index > 0) return this.snapshot.at(index - 1).message.behind;
    return uid > 0 && this.lead ? this.lead.behind : 0;
  }

  /** Answers whether there is anything to see. */
  take({ put = [], gone = [], uidNext, highestModseq }: Edit): boolean {
    const removed = new Set(gone);
    for (const uid of removed) this.#forget(uid);
    const replaced = new Map<number, Entry>();
    const appended: Entry[] = [];
    for (const one of put) this.#put(one, replaced, appended);
    const isQuiet = removed.size === 0 && replaced.size === 0 && appended.length === 0;
    const { snapshot } = this;
    const after = {
      uidNext: Math.max(uidNext ?? 0, snapshot.uidNext),
      highestModseq: Math.max(highestModseq ?? 0, snapshot.highestModseq),
    };
    if (isQuiet && after.uidNext === snapshot.uidNext && after.highestModseq === snapshot.highestModseq) return false;
    this.snapshot = snapshot.edited({ removed, replaced, appended, ...after });
    return !isQuiet;
  }

  #put({ message, flags, modseq }: Read, replaced: Map<number, Entry>, appended: Entry[]): void {
    if (message.uid <= this.look.oldUpTo) message.grewOld();
    const entry = message.uid < this.snapshot.uidNext ? this.snapshot.find(message.uid) : null;
    if (!entry) {
      appended.push(new Entry(message, flags, modseq));
      this.sizeBytes += message.sizeBytes;
      if (!message.isOld) this.fresh.add(message);
      return;
    }
    const isSame = entry.internalDate === message.internalDate && entry.sizeBytes === message.sizeBytes;
    // Whoever holds it sees where it stands now.
    if (isSame) entry.message.standAs(message);
    else this.sizeBytes += message.sizeBytes - entry.sizeBytes;
    const shown = isSame ? entry.message : message;
    this.fresh.delete(entry.message);
    if (!shown.isOld) this.fresh.add(shown);
    if (!isSame || entry.modseq !== modseq) replaced.set(message.uid, new Entry(shown, flags, modseq));
  }

  #forget(uid: number): void {
    const entry = this.snapshot.find(uid);
    if (!entry) return;
    this.fresh.delete(entry.message);
    this.sizeBytes -= entry.sizeBytes;
  }

  /** What another process knows of the file. */
  heard(look: Look): void {
    this.look = look;
    this.allOldUpTo(look.oldUpTo);
  }

  /** Everybody has been told of these, and of all before them. */
  allOldUpTo(uid: number): void {
    this.look = { ...this.look, oldUpTo: Math.max(uid, this.look.oldUpTo) };
    for (const message of [...this.fresh]) {
      if (message.uid > this.look.oldUpTo) continue;
      message.grewOld();
      this.fresh.delete(message);
    }
  }
}

const texts = new WeakMap<object, string>();

/** The same for the same flags. */
export const flagText = (flags: Iterable<string>): string => texts.get(flags) ?? [...flags].sort().join(" ");
