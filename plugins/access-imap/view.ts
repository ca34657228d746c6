/**
 * What one client believes about its mailbox (RFC 3501 2.3.1.2): sequence numbers, EXISTS, flags. The truth is a shared
 * snapshot that moves on when other sessions act; the client is told only when the protocol allows it. Messages that are
 * gone already but not yet announced as expunged are `ghosts`: they keep their numbers until then. New messages have no
 * number until EXISTS was sent. Costs grow with the difference between client and snapshot, not with the mailbox.
 */
import type { MessageEntry, Snapshot } from "postern/plugin";

/** What the client has not been told yet. */
export interface Update {
  /** Sequence numbers to send as EXPUNGE, one after the other as they stand. */
  readonly expunged: readonly number[];
  /** UIDs of the same messages, ascending. */
  readonly expungedUids: readonly number[];
  /** EXISTS to send; `null` if there is nothing new. */
  readonly exists: number | null;
  /** How many of those are new: the last ones. */
  readonly arrived: number;
  /** Sequence numbers (as they are after the above) whose flags changed. */
  readonly changed: readonly number[];
}

export class View {
  #snapshot: Snapshot;
  /** Messages with this UID or above have not been announced. */
  #announcedUidNext: number;
  /** Ascending by UID; not in the snapshot any more. */
  #ghosts: MessageEntry[] = [];
  /** 0-based sequence positions of the ghosts. */
  #ghostPositions: number[] = [];
  /** Another modification sequence is a change, too, whatever it was for (RFC 7162 3.1). */
  tracksModseq = false;
  /** UIDs whose flags the client does not know. */
  readonly #changed = new Set<number>();
  #exists: number;
  /** What the last search saved (RFC 5182 2.1), as ascending ranges of UIDs; what is expunged falls out by itself. */
  saved: readonly (readonly [number, number])[] = [];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#announcedUidNext = snapshot.uidNext;
    this.#exists = snapshot.size;
  }

  /** Number of messages as the client counts them. */
  get exists(): number {
    return this.#exists;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get hasNews(): boolean {
    return this.#ghosts.length > 0 || this.#changed.size > 0 || this.#snapshot.uidNext > this.#announcedUidNext;
  }

  /** UIDs of messages that are gone, which the client has not been told; ascending. */
  get ghostUids(): readonly number[] {
    return this.#ghosts.map(({ uid }) => uid);
  }

  /** The highest UID the client knows; 0 if there is none. */
  get lastUid(): number {
    return this.#exists === 0 ? 0 : this.entry(this.#exists).uid;
  }

  /** The message with this sequence number, as it is now (or was, for a ghost). */
  entry(number: number): MessageEntry {
    const position = number - 1;
    if (position < 0 || position >= this.#exists) throw new RangeError(`no message with the number ${number}`);
    if (this.#ghosts.length === 0) return this.#snapshot.at(position);
    const before = countBelow(this.#ghostPositions, position);
    if (this.#ghostPositions[before] === position) return this.#ghosts[before] as MessageEntry;
    return this.#snapshot.at(position - before);
  }

  /** Whether this number's message is gone. */
  isGhost(number: number): boolean {
    if (this.#ghosts.length === 0) return false;
    return this.#ghostPositions[countBelow(this.#ghostPositions, number - 1)] === number - 1;
  }

  /** Sequence number of the first message whose UID is not below `uid`; `exists + 1` if there is none. */
  numberFrom(uid: number): number {
    const inSnapshot = this.#snapshot.indexOf(Math.min(uid, this.#announcedUidNext));
    return inSnapshot + countUidsBelow(this.#ghosts, uid) + 1;
  }

  /** 0 if the client knows no such message. */
  numberOf(uid: number): number {
    const number = this.numberFrom(uid);
    return number <= this.#exists && this.entry(number).uid === uid ? number : 0;
  }

  /** Goes on to a newer snapshot; nothing changes for the client before `take`. */
  advance(next: Snapshot): void {
    const old = this.#snapshot;
    if (next === old) return;
    const announced = old.indexOf(this.#announcedUidNext);
    const gone: MessageEntry[] = [];
    let at = 0;
    const size = next.size;
    for (let index = 0; index < announced; index++) {
      const before = old.at(index);
      let after = at < size ? next.at(at) : null;
      // UIDs only grow: what stands before it in the new snapshot was never announced, and cannot be.
      while (after !== null && after.uid < before.uid) after = ++at < size ? next.at(at) : null;
      if (after === null || after.uid !== before.uid) {
        gone.push(before);
        this.#changed.delete(before.uid);
        continue;
      }
      at++;
      if (after !== before && this.#isNews(before, after)) this.#changed.add(before.uid);
    }
    this.#snapshot = next;
    if (gone.length > 0) this.#ghosts = [...this.#ghosts, ...gone].sort((a, b) => a.uid - b.uid);
    this.#place();
  }

  #isNews(before: MessageEntry, after: MessageEntry): boolean {
    return (this.tracksModseq && after.modseq !== before.modseq) || !hasSameFlags(after.flags, before.flags);
  }

  /** The client has been told the flags of this message as they are now. */
  tellFlags(uid: number): void {
    this.#changed.delete(uid);
  }

  /** What may be told now, or some of it. The view counts as told afterwards. */
  take(
    mayExpunge: boolean,
    { arrivals = true, flags = true }: { readonly arrivals?: boolean; readonly flags?: boolean } = {},
  ): Update {
    let expunged: number[] = [];
    let expungedUids: readonly number[] = [];
    if (mayExpunge && this.#ghosts.length > 0) {
      // RFC 3501 7.4.1: each EXPUNGE moves the numbers behind it, so each is its place among those that stay.
      expunged = this.#ghostPositions.map((position, index) => position - index + 1);
      expungedUids = this.ghostUids;
      this.#ghosts = [];
      this.#place();
    }
    let exists: number | null = null;
    let arrived = 0;
    if (arrivals && this.#snapshot.uidNext > this.#announcedUidNext) {
      const before = this.#exists;
      this.#announcedUidNext = this.#snapshot.uidNext;
      this.#place();
      arrived = this.#exists - before;
      if (arrived > 0) exists = this.#exists;
    }
    if (!flags) return { expunged, expungedUids, exists, arrived, changed: [] };
    const changed = [...this.#changed].map((uid) => this.numberOf(uid)).filter((number) => number > 0);
    this.#changed.clear();
    return { expunged, expungedUids, exists, arrived, changed: changed.sort((a, b) => a - b) };
  }

  #place(): void {
    this.#ghostPositions = this.#ghosts.map(({ uid }, index) => this.#snapshot.indexOf(uid) + index);
    this.#exists = this.#snapshot.indexOf(this.#announcedUidNext) + this.#ghosts.length;
  }
}

export function hasSameFlags(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const flag of a) if (!b.has(flag)) return false;
  return true;
}

/** How many of the ascending numbers are below `value`. */
function countBelow(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countUidsBelow(entries: readonly MessageEntry[], uid: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as MessageEntry).uid < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}
