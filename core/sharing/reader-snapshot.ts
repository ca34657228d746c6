/** A snapshot of the store as a reader other than the owner sees it: its own `\Seen`, its own modseqs. Costs nothing but what is looked at. */
import type { MessageEntry, Snapshot } from "../contracts/mailbox-store.ts";
import type { ReaderSeen } from "./reader-seen.ts";
import type { SeenState } from "./seen-state.ts";

export const seenFlag = "\\Seen";

export class ReaderSnapshot implements Snapshot {
  readonly base: Snapshot;
  readonly state: SeenState;
  readonly #entries: ReaderSeen["entries"];
  readonly uidNext: number;
  readonly highestModseq: number;
  readonly size: number;

  constructor(base: Snapshot, state: SeenState, entries: ReaderSeen["entries"]) {
    this.base = base;
    this.state = state;
    this.#entries = entries;
    this.uidNext = base.uidNext;
    this.highestModseq = state.highestOf(base);
    this.size = base.size;
  }

  indexOf(uid: number): number {
    return this.base.indexOf(uid);
  }

  at(index: number): MessageEntry {
    const entry = this.base.at(index);
    const { uid, flags } = entry;
    const isSeen = this.state.has(uid);
    const modseq = Math.max(this.state.lifted(entry.modseq), this.state.changedAt(uid));
    if (flags.has(seenFlag) === isSeen && modseq === entry.modseq) return entry;
    const known = this.#entries.get(entry);
    if (known && known.modseq === modseq && known.flags.has(seenFlag) === isSeen) return known;
    const own = new Set(flags);
    if (isSeen) own.add(seenFlag);
    else own.delete(seenFlag);
    const seen = new ReaderEntry(entry, own, modseq);
    this.#entries.set(entry, seen);
    return seen;
  }
}

class ReaderEntry implements MessageEntry {
  readonly flags: ReadonlySet<string>;
  readonly modseq: number;
  readonly #entry: MessageEntry;

  constructor(entry: MessageEntry, flags: ReadonlySet<string>, modseq: number) {
    this.#entry = entry;
    this.flags = flags;
    this.modseq = modseq;
  }

  get uid(): number {
    return this.#entry.uid;
  }

  get internalDate(): number {
    return this.#entry.internalDate;
  }

  get sizeBytes(): number {
    return this.#entry.sizeBytes;
  }

  get saveDate(): number | null {
    return this.#entry.saveDate;
  }
}
