/**
 * What one process knows of one mbox. Changed only by `take`, whether the change is its own or was read from the index, so all processes
 * come to the same. A message that is shown stays the same object while nothing but its place changes.
 */
import type { Change, Head, Line, Look } from "./index-file.ts";
import { fromRow, type Message, type ReadRow, type Row, toRow, wordsOf } from "./message.ts";
import { Entry, emptySnapshot } from "./snapshot.ts";
import { Vanished } from "./vanished.ts";

const MAX_FLAG_SETS = 4_096;

export class MailboxState {
  snapshot = emptySnapshot;
  uidValidity = 0;
  uidNext = 1;
  keywords: readonly string[] = [];
  /** A message that holds what belongs to the mailbox, and is none (UW). */
  lead: Message | null = null;
  look: Look = { stamp: "", end: 0, uidNext: 1, modseq: 0, keywords: [], isDoubtful: false };
  fresh = new Set<Message>();
  vanished = new Vanished(0);
  readonly #flagSets = new Map<string, ReadonlySet<string>>();

  flagsOf(flags: readonly string[]): ReadonlySet<string> {
    const key = [...flags].sort().join(" ");
    const known = this.#flagSets.get(key);
    if (known) return known;
    const made = new Set(flags);
    if (this.#flagSets.size >= MAX_FLAG_SETS) this.#flagSets.clear();
    this.#flagSets.set(key, made);
    return made;
  }

  /** All messages of the file, in its order. */
  *messages(): Generator<Message> {
    if (this.lead) yield this.lead;
    for (const { message } of this.snapshot) yield message;
  }

  *#reads(): Generator<ReadRow> {
    for (const { message, flags, modseq } of this.snapshot) yield { message, flags: [...flags], modseq };
  }

  *rows(): Generator<Row> {
    for (const { message, flags, modseq } of this.snapshot) yield toRow(message, flags, modseq);
  }

  get leadRow(): Row | null {
    return this.lead && toRow(this.lead, [], 0);
  }

  /** Answers whether there is anything to see. `own`: what this process has found, as `change.put` says it. */
  take(change: Change, look: Look, own: Iterable<ReadRow> = []): boolean {
    const removed = new Set(change.gone ?? []);
    for (const uid of removed) this.#forget(uid);
    const replaced = new Map<number, Entry>();
    const appended: Entry[] = [];
    if (change.moved && change.moved.length > 0) this.#move(change.moved, removed);
    if (change.lead !== undefined) this.lead = change.lead && fromRow(change.lead).message;
    for (const row of change.put ?? []) this.#put(fromRow(row), replaced, appended);
    for (const one of own) this.#put(one, replaced, appended);
    for (const [uid, modseq, flags, isOld, crc] of change.flags ?? []) {
      const entry = this.snapshot.find(uid);
      if (!entry || removed.has(uid)) continue;
      entry.message.isOld = isOld === 1;
      entry.message.crc = crc;
      this.#noteFresh(entry.message);
      if (entry.modseq !== modseq) replaced.set(uid, new Entry(entry.message, this.flagsOf(wordsOf(flags)), modseq));
    }
    return this.#show({ removed, replaced, appended }, look);
  }

  #show(
    {
      removed,
      replaced,
      appended,
    }: { removed: ReadonlySet<number>; replaced: ReadonlyMap<number, Entry>; appended: Entry[] },
    look: Look,
  ): boolean {
    this.look = look;
    this.keywords = look.keywords;
    this.uidNext = look.uidNext;
    if (removed.size > 0) this.vanished.add(look.modseq, [...removed]);
    const isQuiet = removed.size === 0 && replaced.size === 0 && appended.length === 0;
    const { uidNext, highestModseq } = this.snapshot;
    if (isQuiet && uidNext === look.uidNext && highestModseq >= look.modseq) return false;
    const highest = Math.max(look.modseq, highestModseq);
    this.snapshot = this.snapshot.edited({
      removed,
      replaced,
      appended,
      uidNext: look.uidNext,
      highestModseq: highest,
    });
    return !isQuiet;
  }

  #put({ message, flags, modseq }: ReadRow, replaced: Map<number, Entry>, appended: Entry[]): void {
    const entry = this.snapshot.find(message.uid);
    if (!entry) {
      appended.push(new Entry(message, this.flagsOf(flags), modseq));
      this.#noteFresh(message);
      return;
    }
    const isSame = entry.internalDate === message.internalDate && entry.sizeBytes === message.sizeBytes;
    if (isSame) {
      // Whoever holds it sees where it stands now.
      Object.assign(entry.message, { place: message.place, isOld: message.isOld, crc: message.crc });
      this.#noteFresh(entry.message);
      if (entry.modseq !== modseq) replaced.set(message.uid, new Entry(entry.message, this.flagsOf(flags), modseq));
      return;
    }
    this.fresh.delete(entry.message);
    this.#noteFresh(message);
    replaced.set(message.uid, new Entry(message, this.flagsOf(flags), modseq));
  }

  #forget(uid: number): void {
    const entry = this.snapshot.find(uid);
    if (entry) this.fresh.delete(entry.message);
  }

  #noteFresh(message: Message): void {
    if (message.isOld) this.fresh.delete(message);
    else this.fresh.add(message);
  }

  #move(steps: readonly (readonly [number, number])[], removed: ReadonlySet<number>): void {
    let next = 0;
    let by = 0;
    for (const { uid, message } of this.snapshot) {
      for (let step = steps[next]; step && step[0] <= uid; step = steps[next]) {
        by += step[1];
        next++;
      }
      if (by !== 0 && !removed.has(uid)) message.place = { ...message.place, start: message.place.start + by };
    }
  }

  /** What others registered, in their order. Answers whether there is anything to see. */
  takeLines(lines: Iterable<Line>): boolean {
    let shows = false;
    let pending: Change[] = [];
    for (const line of lines) {
      if (!("change" in line)) continue;
      pending.push(line.change);
      if (!line.look) continue;
      for (const change of pending) shows = this.take(change, line.look) || shows;
      pending = [];
    }
    return shows;
  }

  /** All there is, as the index has it from its beginning. Answers whether there is anything to see. */
  takeWhole(head: Head, lines: Iterable<Line>): boolean {
    if (this.uidValidity === 0 && this.snapshot.size === 0) return this.#begin(head, lines);
    const other = new MailboxState();
    other.#begin(head, lines);
    this.uidValidity = head.uidValidity;
    const gone: number[] = [];
    for (const { uid } of this.snapshot) if (!other.snapshot.find(uid)) gone.push(uid);
    return this.take({ gone, lead: other.leadRow }, other.look, other.#reads());
  }

  /** The lines up to the first look are the mailbox as it was written down as a whole. */
  #begin(head: Head, lines: Iterable<Line>): boolean {
    this.uidValidity = head.uidValidity;
    const all = lines[Symbol.iterator]();
    const reads: ReadRow[] = [];
    for (let next = all.next(); !next.done; next = all.next()) {
      if (!("change" in next.value)) continue;
      const { change, look } = next.value;
      for (const row of change.put ?? []) reads.push(fromRow(row));
      if (!look) continue;
      // What went before is not in it.
      this.vanished = new Vanished(look.modseq);
      const shows = this.take({ lead: change.lead ?? null }, look, reads);
      return this.takeLines({ [Symbol.iterator]: () => all }) || shows;
    }
    return false;
  }
}
