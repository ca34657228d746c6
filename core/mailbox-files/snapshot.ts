/**
 * Snapshots in chunks (ADR 6): a new message or flag costs one chunk and the list of chunks, not the mailbox. Shared among sessions and
 * never changed; `edited` makes the next one. A store says what an entry is: size and date may be looked up when somebody asks.
 */
import type { MessageEntry, Snapshot } from "../contracts/mailbox-store.ts";

const CHUNK = 512;

/** What of a snapshot becomes different in the next. */
export interface SnapshotEdit<E extends MessageEntry> {
  readonly removed: ReadonlySet<number>;
  readonly replaced: ReadonlyMap<number, E>;
  /** Ascending, above every UID in the snapshot. */
  readonly appended: readonly E[];
  readonly uidNext: number;
  readonly highestModseq: number;
}

type Chunk<E> = readonly E[];

export class ChunkedSnapshot<E extends MessageEntry = MessageEntry> implements Snapshot {
  readonly uidNext: number;
  readonly highestModseq: number;
  readonly size: number;
  readonly unseen: number;
  readonly #chunks: readonly Chunk<E>[];
  readonly #starts: Uint32Array;
  #sizeBytes = -1;
  /** Of the chunks: the one that was asked last. */
  #latest = 0;

  private constructor(chunks: readonly Chunk<E>[], facts: { uidNext: number; highestModseq: number; unseen: number }) {
    this.#chunks = chunks;
    this.#starts = new Uint32Array(chunks.length);
    let size = 0;
    for (const [index, chunk] of chunks.entries()) {
      this.#starts[index] = size;
      size += chunk.length;
    }
    this.size = size;
    this.uidNext = facts.uidNext;
    this.highestModseq = facts.highestModseq;
    this.unseen = facts.unseen;
  }

  static empty<E extends MessageEntry>(): ChunkedSnapshot<E> {
    return new ChunkedSnapshot<E>([], { uidNext: 1, highestModseq: 1, unseen: 0 });
  }

  /** Octets of all messages; counted on demand, once. */
  get sizeBytes(): number {
    if (this.#sizeBytes < 0) {
      let total = 0;
      for (const entry of this) total += entry.sizeBytes;
      this.#sizeBytes = total;
    }
    return this.#sizeBytes;
  }

  at(index: number): E {
    const entry = this.#near(index) ?? this.#search(index);
    if (!entry) throw new RangeError(`no message at ${index}`);
    return entry;
  }

  /** Whoever walks over all asks for the chunk that was asked last. */
  #near(index: number): E | undefined {
    const within = index - (this.#starts[this.#latest] ?? 0);
    return within >= 0 ? this.#chunks[this.#latest]?.[within] : undefined;
  }

  #search(index: number): E | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.size) return undefined;
    this.#latest = lastNotAbove(this.#starts.length, (at) => this.#starts[at] ?? 0, index);
    return this.#near(index);
  }

  indexOf(uid: number): number {
    const at = this.#chunkOf(uid);
    return (this.#starts[at] ?? 0) + positionIn(this.#chunks[at] ?? [], uid);
  }

  find(uid: number): E | null {
    const chunk = this.#chunks[this.#chunkOf(uid)];
    const entry = chunk?.[positionIn(chunk, uid)];
    return entry?.uid === uid ? entry : null;
  }

  /** The chunk in which it stands, or would stand. */
  #chunkOf(uid: number): number {
    return Math.max(
      0,
      lastNotAbove(this.#chunks.length, (index) => this.#chunks[index]?.[0]?.uid ?? 0, uid),
    );
  }

  *[Symbol.iterator](): Generator<E> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  edited({ removed, replaced, appended, uidNext, highestModseq }: SnapshotEdit<E>): ChunkedSnapshot<E> {
    const touched = new Map<number, (E | null)[]>();
    let unseen = this.unseen;
    let within = 0;
    let copy: (E | null)[] = [];
    const put = (uid: number, entry: E | null) => {
      // Most come in order, one behind the other.
      if (copy[++within]?.uid !== uid) {
        const at = this.#chunkOf(uid);
        const chunk = this.#chunks[at] ?? [];
        within = positionIn(chunk, uid);
        if (chunk[within]?.uid !== uid) return;
        copy = touched.get(at) ?? [...chunk];
        touched.set(at, copy);
      }
      const old = copy[within] ?? null;
      if (old?.flags !== entry?.flags) unseen += unseenOf(entry) - unseenOf(old);
      copy[within] = entry;
    };
    for (const [uid, entry] of replaced) put(uid, entry);
    for (const uid of removed) put(uid, null);
    let chunks: Chunk<E>[] = [...this.#chunks];
    for (const [at, copy] of touched) chunks[at] = copy.filter((entry) => entry !== null);
    if (removed.size > 0) chunks = joined(chunks);
    for (const entry of appended) unseen += unseenOf(entry);
    append(chunks, appended);
    return new ChunkedSnapshot(chunks, { uidNext, highestModseq, unseen });
  }
}

/** Of the first entry whose UID is not below `uid`. */
function positionIn(chunk: readonly MessageEntry[], uid: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chunk[middle]?.uid ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

const unseenOf = (entry: MessageEntry | null): number => (entry && !entry.flags.has("\\Seen") ? 1 : 0);

/** Greatest index whose value is not above `wanted`; -1 if there is none. */
function lastNotAbove(count: number, valueAt: (index: number) => number, wanted: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Without empty chunks, and packed anew when most of them are nearly empty. */
function joined<E>(chunks: readonly Chunk<E>[]): Chunk<E>[] {
  const kept = chunks.filter((chunk) => chunk.length > 0);
  const size = kept.reduce((sum, chunk) => sum + chunk.length, 0);
  if (kept.length <= 4 + (4 * size) / CHUNK) return kept;
  const packed: Chunk<E>[] = [];
  append(packed, kept.flat());
  return packed;
}

function append<E>(chunks: Chunk<E>[], entries: readonly E[]): void {
  let from = 0;
  const last = chunks.at(-1);
  if (last && last.length < CHUNK && entries.length > 0) {
    from = CHUNK - last.length;
    chunks[chunks.length - 1] = [...last, ...entries.slice(0, from)];
  }
  for (; from < entries.length; from += CHUNK) chunks.push(entries.slice(from, from + CHUNK));
}
