/**
 * One mbox as this process knows it: shared by all sessions that have it open. Everything happens under its locks, and first of all what
 * others did meanwhile is taken in. When the file is gone, or got another UIDVALIDITY, calls reject with `nonexistent`: sessions must open
 * it again.
 */

import { closeSync, existsSync, fstatSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { attempt, errnoOf, Mutex, storeError } from "postern/store";
import { type Alteration, type Altered, alter, fieldsCrc } from "./alter.ts";
import { takeBack } from "./cut-off.ts";
import { type Begun, type Change, IndexFile, type Line, type Look } from "./index-file.ts";
import { MailboxFacts } from "./mailbox-facts.ts";
import { lockMailbox } from "./mailbox-lock.ts";
import { MailboxState } from "./mailbox-state.ts";
import { type Message, type Row, toRow } from "./message.ts";
import type { Base, Wanted } from "./meta-fields.ts";
import { goneError, isSameFile, type OpenFile, openFile, stampOf } from "./open-file.ts";
import { recoverMailbox } from "./rescue.ts";
import type { Site } from "./site.ts";
import type { MboxSnapshot } from "./snapshot.ts";
import { takeIn } from "./take-in.ts";
import { nextUidValidity } from "./uidvalidity.ts";
import { wordsWith } from "./words.ts";

/** Looking at each message of a large mailbox again takes no more than a small part of the time. */
const THOROUGH_SHARE = 20;

export interface FolderPlace {
  /** The mbox. */
  readonly path: string;
  /** Where its index, its journal and what must outlive them are. */
  readonly control: string;
  /** The account's directory of mailboxes. */
  readonly root: string;
}

/** What a session hears about: somebody else published a change. */
export interface FolderListener {
  changed(): void;
}

export class Folder {
  readonly place: FolderPlace;
  readonly site: Site;
  readonly mutex = new Mutex();
  readonly listeners = new Set<FolderListener>();
  readonly state = new MailboxState();
  readonly facts: MailboxFacts;
  readonly #index: IndexFile;
  /** Sessions that have it open. */
  holders = 0;
  #begun: Begun | null = null;
  #isGone = false;
  #isIndexLost = false;
  #thoroughMs = 0;
  #thoroughTookMs = 0;

  constructor(place: FolderPlace, site: Site) {
    this.place = place;
    this.site = site;
    this.facts = new MailboxFacts(place.control);
    this.#index = new IndexFile(join(place.control, "index"));
  }

  get path(): string {
    return this.place.path;
  }

  get snapshot(): MboxSnapshot {
    return this.state.snapshot;
  }

  get mailboxId(): string {
    return this.facts.id;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  get journal(): string {
    return join(this.place.control, "journal");
  }

  /** Compares with the disk if its times say so. `isThorough`: also what they may not say of a mailbox that has only grown. */
  sync(how: { readonly isThorough?: boolean } = {}): Promise<MboxSnapshot> {
    return this.mutex.run(async () => {
      const isThorough = how.isThorough === true && this.state.look.isDoubtful;
      if (isThorough) this.#thoroughMs = 0;
      if (this.isBehind || isThorough) await this.#locked("shared", () => {}, null);
      return this.snapshot;
    });
  }

  /** For file events: whether what is known is all there is. Never throws. */
  get isCurrent(): boolean {
    const seen = this.#isGone ? undefined : statSync(this.path, { throwIfNoEntry: false, bigint: true });
    return seen !== undefined && stampOf(seen) === this.state.look.stamp && !this.#isThoroughDue;
  }

  /** Before messages are put here: where large ones wait until they are whole. */
  prepare(): void {
    attempt(() => mkdirSync(this.place.control, { recursive: true, mode: 0o700 }));
  }

  get isBehind(): boolean {
    if (this.#isGone) throw goneError();
    const seen = statSync(this.path, { throwIfNoEntry: false, bigint: true });
    if (!seen) {
      this.retire();
      throw goneError();
    }
    return stampOf(seen) !== this.state.look.stamp || this.#isThoroughDue;
  }

  get #isThoroughDue(): boolean {
    return this.state.look.isDoubtful && Date.now() >= this.#thoroughMs;
  }

  /** Runs `work` with the mailbox locked. Changes are told to all listeners but `by`. */
  use<T>(
    mode: "shared" | "exclusive",
    work: (file: OpenFile) => Promise<T> | T,
    by: FolderListener | null = null,
  ): Promise<T> {
    return this.mutex.run(() => this.#locked(mode, work, by));
  }

  /** Like `use`, for whoever has the mutex. */
  locked<T>(
    mode: "shared" | "exclusive",
    work: (file: OpenFile) => Promise<T> | T,
    by: FolderListener | null,
  ): Promise<T> {
    return this.#locked(mode, work, by);
  }

  /** Without looking at what is in the mailbox: for appending to one that nobody has opened yet. */
  useBlindly<T>(work: (file: OpenFile) => Promise<T> | T): Promise<T> {
    return this.mutex.run(() => this.#locked("exclusive", work, null, true));
  }

  /** Whether nothing is known of what is in it, so that it would have to be read. */
  get isUnread(): boolean {
    return this.state.uidValidity === 0 && !existsSync(join(this.place.control, "index"));
  }

  async #locked<T>(
    wanted: "shared" | "exclusive",
    work: (file: OpenFile) => Promise<T> | T,
    by: FolderListener | null,
    isBlind = false,
  ): Promise<T> {
    if (this.#isGone) throw goneError();
    let mode = wanted;
    for (;;) {
      const file = this.#open();
      let release: (() => void) | null = null;
      try {
        const methods = this.site.locks;
        release = await lockMailbox({ fd: file.fd, path: this.path, mode: file.isWritable ? mode : "shared", methods });
        const isSame = isSameFile(this.path, file.fd);
        if (isSame === null) this.#refuseGone();
        if (!isSame) continue;
        const isBehind = isBlind ? existsSync(this.journal) : this.#isBehind(file.fd);
        if (isBehind && file.isWritable && mode === "shared") {
          mode = "exclusive";
          continue;
        }
        if (isBehind) await this.#catchUp(file, by);
        if (wanted === "exclusive" && !file.isWritable)
          throw new StoreError("noPermission", "The mailbox cannot be written");
        return await work(file);
      } catch (cause) {
        throw storeError(cause);
      } finally {
        release?.();
        closeSync(file.fd);
      }
    }
  }

  #open(): OpenFile {
    try {
      return openFile(this.path);
    } catch (cause) {
      if (errnoOf(cause) === "nonexistent") this.retire();
      throw cause;
    }
  }

  #refuseGone(): never {
    this.retire();
    throw goneError();
  }

  #isBehind(fd: number): boolean {
    const stamp = stampOf(fstatSync(fd, { bigint: true }));
    return stamp !== this.state.look.stamp || this.#isThoroughDue || existsSync(this.journal);
  }

  retire(): void {
    this.#isGone = true;
    this.site.folders.forget(this);
    this.emit(null);
  }

  async #catchUp(file: OpenFile, by: FolderListener | null): Promise<void> {
    const { fd, isWritable } = file;
    this.prepare();
    if (isWritable && existsSync(this.journal)) await recoverMailbox(this, fd);
    this.facts.read();
    let shows = this.#readIndex();
    const stamp = stampOf(fstatSync(fd, { bigint: true }));
    if (stamp !== this.state.look.stamp || this.#isThoroughDue) {
      if (isWritable && this.#begun) await takeBack(fd, this.#begun, this);
      this.#begun = null;
      shows = (await this.#compare(file)) || shows;
    }
    if (shows) this.emit(by);
  }

  /** What others registered. */
  #readIndex(): boolean {
    const read = this.#index.read();
    if (!read) return false;
    const { state } = this;
    const { head } = read;
    const lines = this.#begunIn(read.lines);
    if (!head) return state.takeLines(lines);
    if (head.quoting !== this.site.quoting) {
      this.#index.remove();
      return false;
    }
    if (state.uidValidity !== 0 && state.uidValidity !== head.uidValidity) this.#refuseGone();
    return state.takeWhole(head, lines);
  }

  *#begunIn(lines: Iterable<Line>): Generator<Line> {
    for (const line of lines) {
      if ("begun" in line) this.#begun = line.begun;
      else if ("look" in line) this.#begun = null;
      yield line;
    }
  }

  async #compare(file: OpenFile): Promise<boolean> {
    const began = performance.now();
    const { change, shows, isDoubtful } = await takeIn(this, file, this.#isThoroughDue);
    if (isDoubtful) {
      const laterMs = Math.max(1_000, this.#thoroughTookMs * THOROUGH_SHARE);
      this.#thoroughMs = Math.max(this.#thoroughMs, Date.now() + laterMs);
    } else this.#thoroughTookMs = performance.now() - began;
    this.#register(file.fd, change);
    return shows;
  }

  /** As they are now. */
  rowsOf(uids: Iterable<number>): readonly Row[] {
    const rows: Row[] = [];
    for (const uid of [...uids].sort((a, b) => a - b)) {
      const entry = this.snapshot.find(uid);
      if (entry) rows.push(toRow(entry.message, entry.flags, entry.modseq));
    }
    return rows;
  }

  /** Under which UIDVALIDITY it goes on, and from which UID if nothing is known. `nonexistent`: it has become another mailbox. */
  settleValidity(base: Base | null, isEmpty: boolean): { readonly uidValidity: number; readonly uidNext: number } {
    const { state, facts } = this;
    if (state.uidValidity !== 0 && base && base.uidValidity !== state.uidValidity) {
      this.#index.remove();
      this.#refuseGone();
    }
    // Without an index nobody knows what the UIDs of a mailbox meant that does not say so itself.
    const known = state.uidValidity || (isEmpty ? facts.uidValidity : 0);
    const uidValidity = base?.uidValidity ?? (known || nextUidValidity(this.place.root, this.site.clock.now()));
    if (facts.uidValidity === uidValidity) return { uidValidity, uidNext: base ? 1 : facts.uidNext };
    facts.begin(uidValidity);
    return { uidValidity, uidNext: 1 };
  }

  /** The message in which the mailbox's own base stands. */
  get holder(): Message | null {
    return this.state.lead ?? (this.snapshot.size > 0 ? this.snapshot.at(0).message : null);
  }

  /** What shall stand in a message's fields, with what shall be different. */
  wantedOf(message: Message, change: Partial<Pick<Wanted, "flags" | "isOld" | "base">> = {}): Wanted {
    const { uid, isOld, tag } = message;
    const flags = this.snapshot.find(uid)?.flags ?? [];
    const base = message === this.holder ? this.base : null;
    return {
      uid,
      flags: uid > 0 ? flags : ["\\Seen"],
      isOld,
      base,
      isPseudo: message === this.state.lead,
      tag,
      ...change,
    };
  }

  get base(): Base {
    const { uidValidity, uidNext, keywords } = this.state;
    return { uidValidity, lastUid: uidNext - 1, keywords };
  }

  /** Changes fields in the file. `register` makes it known. */
  async alter(file: OpenFile, alterations: readonly Alteration[]): Promise<Altered> {
    const sorted = alterations.toSorted((a, b) => a.message.place.start - b.message.place.start);
    const { step } = this.site;
    return alter({ fd: file.fd, journal: this.journal, ...(step && { step }) }, sorted, () => this.state.messages());
  }

  /** Above any that this mailbox ever had. */
  nextModseq(): number {
    const before = Math.max(this.state.look.modseq, this.snapshot.highestModseq);
    const next = Math.max((before > 1 ? before : this.facts.floor) + 1, this.site.clock.now() * 1000);
    this.facts.raiseFloor(next);
    return next;
  }

  /** What is in the file now: what `change` says is shown, and written down for others. */
  commit(fd: number, change: Change, look: Partial<Look>, by: FolderListener | null): void {
    // Where messages stand has changed as the file did.
    const { moved: _, ...shown } = change;
    const shows = this.state.take(shown, { ...this.state.look, ...look });
    this.#register(fd, () => change);
    if (shows) this.emit(by);
    this.announce();
  }

  /** Registers what the file looks like, and how it became so. */
  #register(fd: number, change: () => Change): void {
    const seen = fstatSync(fd, { bigint: true });
    const look: Look = { ...this.state.look, stamp: stampOf(seen), end: Number(seen.size) };
    this.state.take({}, look);
    this.facts.raiseUids(this.state.uidNext);
    try {
      if (this.#index.canAppend && this.#index.append({ change: change(), look })) return;
      const { uidValidity } = this.state;
      this.#index.replace(
        { uidValidity, quoting: this.site.quoting },
        { rows: this.state.rows(), lead: this.state.leadRow, look },
      );
    } catch (cause) {
      this.#index.remove();
      if (!this.#isIndexLost)
        this.site.log.warn({ mailbox: this.path, cause: errnoOf(cause) }, "the index of a mailbox cannot be written");
      this.#isIndexLost = true;
    }
  }

  /** What the index says is forgotten: the mailbox is read again. */
  distrust(): void {
    this.#index.remove();
    this.state.look = { ...this.state.look, stamp: "", end: 0 };
    for (const message of this.state.messages()) message.crc = -1;
  }

  /** Before an append: what is there of it after a crash is taken back. */
  begin(begun: Begun): void {
    this.#index.note(begun);
  }

  /** Keywords of the mailbox with these; throws `limit` beyond what can be kept. */
  wordsWith(flags: readonly string[]): readonly string[] {
    const words = wordsWith(this.state.keywords, flags);
    const present = new Set(words.map((word) => word.toLowerCase()));
    if (flags.every((flag) => flag.startsWith("\\") || present.has(flag.toLowerCase()))) return words;
    throw new StoreError("limit", "This mailbox has no room for more keywords");
  }

  /**
   * Before messages of a mailbox are changed of which not all was looked at since others changed it: whether these are still as known. If
   * not, all is looked at.
   */
  async verify(file: OpenFile, messages: Iterable<Message>): Promise<void> {
    if (!this.state.look.isDoubtful) return;
    for (const message of messages) {
      if (fieldsCrc(file.fd, message.place) === message.crc) continue;
      this.#thoroughMs = 0;
      if (await this.#compare(file)) this.emit(null);
      return;
    }
  }

  emit(by: FolderListener | null): void {
    for (const listener of this.listeners) if (listener !== by) listener.changed();
  }

  /** Tells sessions of other workers; lossy. */
  announce(): void {
    this.site.notifier?.publish(`mailbox:${this.path}`);
  }
}
