/**
 * One mbox as this process knows it: shared by all sessions that have it open. Everything happens under its locks, and first of all what
 * others did meanwhile is taken in. When the file is gone, or got another UIDVALIDITY, calls reject with `nonexistent`: sessions must open
 * it again.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { type Alteration, type Altered, alter, fieldsCrc } from "./alter.ts";
import { type Kept, newMailboxId, readKept, writeKept } from "./beside.ts";
import { compareWithFile } from "./compare.ts";
import { attempt, errnoOf, storeError } from "./errors.ts";
import { type Begun, type Change, IndexFile, type Look } from "./index-file.ts";
import { recover } from "./journal.ts";
import { lockMailbox } from "./mailbox-lock.ts";
import { MailboxState } from "./mailbox-state.ts";
import { Message, placeOf, type Row, toRow } from "./message.ts";
import { type Base, MAX_KEYWORDS, type Wanted } from "./meta-fields.ts";
import { Mutex } from "./mutex.ts";
import { type Numbered, numberMessages } from "./number-messages.ts";
import { rescue } from "./rescue.ts";
import type { Scanned } from "./scan.ts";
import { isCutOff } from "./cut-off.ts";
import type { Site } from "./site.ts";
import type { MboxSnapshot } from "./snapshot.ts";
import { nextUidValidity } from "./uidvalidity.ts";

/** Looking at each message of a large mailbox again takes no more than a small part of the time. */
const THOROUGH_SHARE = 20;
/** Modseqs are reserved for so many microseconds. */
const RESERVE = 3_600_000_000;
/** So many UIDs are lost when the index of an empty mailbox is. */
const UIDS_AHEAD = 100;

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

/** The file, open and locked, and known as it is. */
export interface OpenFile {
  readonly fd: number;
  readonly isWritable: boolean;
}

export class Folder {
  readonly place: FolderPlace;
  readonly site: Site;
  readonly mutex = new Mutex();
  readonly listeners = new Set<FolderListener>();
  readonly state = new MailboxState();
  readonly #index: IndexFile;
  /** Sessions that have it open. */
  holders = 0;
  #kept: Kept | null = null;
  #begun: Begun | null = null;
  #isGone = false;
  #isIndexLost = false;
  #thoroughMs = 0;
  #thoroughTookMs = 0;

  constructor(place: FolderPlace, site: Site) {
    this.place = place;
    this.site = site;
    this.#index = new IndexFile(join(place.control, "index"));
  }

  get path(): string {
    return this.place.path;
  }

  get snapshot(): MboxSnapshot {
    return this.state.snapshot;
  }

  get isBusy(): boolean {
    return this.mutex.isBusy;
  }

  get mailboxId(): string {
    return this.#kept?.id ?? "";
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
    this.#makeControl();
  }

  get isBehind(): boolean {
    if (this.#isGone) throw gone();
    const seen = statSync(this.path, { throwIfNoEntry: false, bigint: true });
    if (!seen) {
      this.retire();
      throw gone();
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
    if (this.#isGone) throw gone();
    let mode = wanted;
    for (;;) {
      const file = this.#open();
      let release: (() => void) | null = null;
      try {
        const methods = this.site.locks;
        release = await lockMailbox({ fd: file.fd, path: this.path, mode: file.isWritable ? mode : "shared", methods });
        if (!this.#isStill(file.fd)) continue;
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
    const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
    const open = (access: number): number => openSync(this.path, access | O_NOFOLLOW | O_NONBLOCK);
    let fd: number;
    let isWritable = true;
    try {
      try {
        fd = open(O_RDWR);
      } catch (cause) {
        if (!["EACCES", "EROFS", "EPERM"].includes(errnoOf(cause))) throw cause;
        fd = open(O_RDONLY);
        isWritable = false;
      }
    } catch (cause) {
      if (!["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(cause))) throw storeError(cause);
      this.retire();
      throw gone();
    }
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.nlink === 1) return { fd, isWritable };
    closeSync(fd);
    throw stats.isFile() && stats.nlink === 0
      ? gone()
      : new StoreError("noPermission", "The mailbox is no file of one name");
  }

  /** Whether the path still leads to what was opened. */
  #isStill(fd: number): boolean {
    const seen = statSync(this.path, { throwIfNoEntry: false });
    const own = fstatSync(fd);
    return seen === undefined ? this.#refuseGone() : seen.ino === own.ino && seen.dev === own.dev;
  }

  #refuseGone(): never {
    this.retire();
    throw gone();
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
    this.#makeControl();
    if (isWritable && existsSync(this.journal)) await this.#recover(fd);
    this.#kept ??= readKept(this.place.control);
    let shows = this.#readIndex();
    const stamp = stampOf(fstatSync(fd, { bigint: true }));
    if (stamp !== this.state.look.stamp || this.#isThoroughDue) {
      if (isWritable) await this.#takeBack(fd);
      shows = (await this.#compare(file)) || shows;
    }
    if (shows) this.emit(by);
  }

  #makeControl(): void {
    attempt(() => mkdirSync(this.place.control, { recursive: true, mode: 0o700 }));
  }

  async #recover(fd: number): Promise<void> {
    const { at, payloadLength } = await recover(fd, this.journal);
    if (at === "finished")
      this.site.log.warn({ mailbox: this.path }, "a rewrite that was broken off has been finished");
    if (at !== "rewritten") return;
    const saved = await rescue(this.place, this.journal, { payloadLength, nowMs: this.site.clock.now() });
    this.site.log.error(
      { mailbox: this.path, saved },
      "another program rewrote a mailbox after a crash: what was being written is kept in a file of its own",
    );
  }

  /** What others registered. */
  #readIndex(): boolean {
    const read = this.#index.read();
    if (!read) return false;
    const { state } = this;
    for (const line of read.lines) {
      if ("begun" in line) this.#begun = line.begun;
      else if ("look" in line) this.#begun = null;
    }
    if (read.isFresh) {
      const [first] = read.lines;
      const head = first && "head" in first ? first.head : null;
      if (!head || head.quoting !== this.site.quoting) {
        this.#index.remove();
        return false;
      }
      if (state.uidValidity !== 0 && state.uidValidity !== head.uidValidity) this.#refuseGone();
      return state.takeWhole(head, read.lines);
    }
    let shows = false;
    let pending: Change[] = [];
    for (const line of read.lines) {
      if (!("change" in line)) continue;
      pending.push(line.change);
      if (!line.look) continue;
      for (const change of pending) shows = state.take(change, line.look) || shows;
      pending = [];
    }
    return shows;
  }

  /** A message that was being appended when its writer died. */
  async #takeBack(fd: number): Promise<void> {
    const begun = this.#begun;
    this.#begun = null;
    if (!begun) return;
    const { state } = this;
    const last = state.snapshot.size > 0 ? state.snapshot.at(state.snapshot.size - 1).message : state.lead;
    const isCut = await isCutOff(fd, begun, { end: state.look.end, last, quoting: this.site.quoting });
    if (!isCut) return;
    ftruncateSync(fd, begun.from);
    fsyncSync(fd);
  }

  async #compare(file: OpenFile): Promise<boolean> {
    const began = performance.now();
    const { state } = this;
    const { size } = fstatSync(file.fd);
    const isThorough = this.#isThoroughDue;
    const found = await compareWithFile(state, { fd: file.fd, size, quoting: this.site.quoting, isThorough });
    const known = [...state.messages()];
    const kept = known.slice(0, found.kept);
    const [first] = found.scanned;
    const isPseudo = kept.length === 0 && first?.facts.isPseudo === true;
    const base = this.#baseNow(kept, found);
    const isKnown = state.uidValidity !== 0;
    const { uidValidity, isNew } = this.#validity(base, size === 0);
    const bound = isNew || base ? 1 : (this.#kept?.uidNext ?? 1);
    const uidNext = isKnown ? state.uidNext : bound;
    const numbered = numberMessages(isPseudo ? found.scanned.slice(1) : found.scanned, {
      after: kept.at(-1)?.uid ?? 0,
      uidNext,
      base: base?.uidValidity === uidValidity ? base : null,
      known: isKnown ? new Set(known.map(({ uid }) => uid)) : null,
    });
    state.uidValidity = uidValidity;
    const modseq = this.nextModseq();
    const put: Row[] = [];
    for (const [message, scanned] of found.reread) {
      if (message.uid > 0) put.push(this.#rowOf(file.fd, { scanned, uid: message.uid }, modseq));
      else state.lead = this.#messageOf(file.fd, { scanned, uid: 0 });
    }
    for (const one of numbered.numbered) put.push(this.#rowOf(file.fd, one, modseq));
    const there = new Set([...kept.map(({ uid }) => uid), ...numbered.numbered.map(({ uid }) => uid)]);
    const gone = known.filter(({ uid }) => uid > 0 && !there.has(uid)).map(({ uid }) => uid);
    const lead =
      isPseudo && first
        ? toRow(this.#messageOf(file.fd, { scanned: first, uid: 0 }), [], 0)
        : kept.length > 0
          ? state.leadRow
          : null;
    const keywords = wordsIn(base?.keywords ?? [], state.keywords, found.scanned);
    const look = {
      uidNext: numbered.uidNext,
      keywords,
      isDoubtful: found.isDoubtful,
      modseq: put.length + gone.length > 0 ? modseq : state.look.modseq || modseq,
    };
    if (found.isDoubtful)
      this.#thoroughMs = Math.max(
        this.#thoroughMs,
        Date.now() + Math.max(1_000, this.#thoroughTookMs * THOROUGH_SHARE),
      );
    else this.#thoroughTookMs = performance.now() - began;
    const shows = state.take({ put, gone, lead }, { ...look, stamp: "", end: size });
    const altered = file.isWritable
      ? await this.#writeUids(file, { numbered: numbered.numbered, base })
      : { moved: [], touched: [] };
    const uids = new Set([...put.map((row) => Number(row[0])), ...altered.touched.map(({ uid }) => uid)]);
    this.#register(file.fd, { gone, moved: altered.moved, put: this.rowsOf(uids), lead: state.leadRow });
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

  #baseNow(
    kept: readonly Message[],
    found: { readonly reread: ReadonlyMap<Message, Scanned>; readonly scanned: readonly Scanned[] },
  ): Base | null {
    const [holder] = kept;
    if (!holder) return found.scanned[0]?.facts.base ?? null;
    const reread = found.reread.get(holder);
    if (reread) return reread.facts.base;
    return { uidValidity: this.state.uidValidity, lastUid: this.state.uidNext - 1, keywords: this.state.keywords };
  }

  #validity(base: Base | null, isEmpty: boolean): { readonly uidValidity: number; readonly isNew: boolean } {
    const { state } = this;
    if (state.uidValidity !== 0 && base && base.uidValidity !== state.uidValidity) {
      this.#index.remove();
      this.#refuseGone();
    }
    // Without an index nobody knows what the UIDs of a mailbox meant that does not say so itself.
    const known = state.uidValidity || (isEmpty ? (this.#kept?.uidValidity ?? 0) : 0);
    const uidValidity = base?.uidValidity ?? (known || nextUidValidity(this.place.root, this.site.clock.now()));
    if (this.#kept?.uidValidity === uidValidity) return { uidValidity, isNew: false };
    // A mailbox under another UIDVALIDITY is another mailbox.
    this.#kept = { id: newMailboxId(), uidValidity, uidNext: 1, floor: this.#kept?.floor ?? 0 };
    this.#keep();
    return { uidValidity, isNew: true };
  }

  #keep(): void {
    const kept = this.#kept;
    // Where nothing can be written it has to do as it is.
    if (kept) attempt(() => writeKept(this.place.control, kept));
  }

  #messageOf(fd: number, { scanned, uid }: Numbered): Message {
    const { internalDate, sizeBytes, facts } = scanned;
    const place = placeOf(scanned);
    return new Message(
      { uid, internalDate, sizeBytes, tag: facts.tag, isOld: facts.isOld, crc: fieldsCrc(fd, place) },
      place,
    );
  }

  #rowOf(fd: number, one: Numbered, modseq: number): Row {
    const entry = this.snapshot.find(one.uid);
    const { flags } = one.scanned.facts;
    const isSame = entry !== null && entry.flags.size === flags.length && flags.every((flag) => entry.flags.has(flag));
    return toRow(this.#messageOf(fd, one), flags, isSame ? entry.modseq : modseq);
  }

  /** UIDs are in the file before anybody hears of them. */
  async #writeUids(
    file: OpenFile,
    { numbered, base }: { readonly numbered: readonly Numbered[]; readonly base: Base | null },
  ): Promise<{ readonly moved: NonNullable<Change["moved"]>; readonly touched: readonly Message[] }> {
    const alterations: Alteration[] = [];
    for (const { scanned, uid } of numbered) {
      const message = this.snapshot.find(uid)?.message;
      if (message && scanned.facts.uid !== uid) alterations.push({ message, wanted: this.wantedOf(message) });
    }
    const { holder } = this;
    const isBehind = !base || base.uidValidity !== this.state.uidValidity || base.lastUid !== this.state.uidNext - 1;
    if (holder && isBehind && !alterations.some(({ message }) => message === holder)) {
      alterations.unshift({ message: holder, wanted: this.wantedOf(holder) });
    }
    if (alterations.length === 0) return { moved: [], touched: [] };
    const { moved, reshaped } = await this.alter(file, alterations);
    return { moved, touched: [...alterations.map(({ message }) => message), ...reshaped] };
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
    const floor = this.#kept?.floor ?? 0;
    const before = Math.max(this.state.look.modseq, this.snapshot.highestModseq);
    const next = Math.max((before > 1 ? before : floor) + 1, this.site.clock.now() * 1000);
    if (this.#kept && next >= floor) {
      this.#kept = { ...this.#kept, floor: next + RESERVE };
      this.#keep();
    }
    return next;
  }

  /** What is in the file now: what `change` says is shown, and written down for others. */
  commit(fd: number, change: Change, look: Partial<Look>, by: FolderListener | null): void {
    // Where messages stand has changed as the file did.
    const { moved: _, ...shown } = change;
    const shows = this.state.take(shown, { ...this.state.look, ...look });
    this.#register(fd, change);
    if (shows) this.emit(by);
    this.announce();
  }

  /** Registers what the file looks like, and how it became so. */
  #register(fd: number, change: Change): void {
    const seen = fstatSync(fd, { bigint: true });
    const look: Look = { ...this.state.look, stamp: stampOf(seen), end: Number(seen.size) };
    this.state.take({}, look);
    if (this.#kept && this.state.uidNext > this.#kept.uidNext) {
      this.#kept = { ...this.#kept, uidNext: this.state.uidNext + UIDS_AHEAD };
      this.#keep();
    }
    try {
      if (this.#index.append({ change, look })) return;
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

  /** For `AccountMailboxes.takeUids`. */
  takeUids({ fd }: OpenFile, from: { readonly uidValidity: number; readonly uidNext: number }): boolean {
    const { state } = this;
    const isSame = from.uidValidity === state.uidValidity;
    if (!isSame && fstatSync(fd).size > 0) return false;
    const uidNext = isSame ? Math.max(from.uidNext, state.uidNext) : from.uidNext;
    if (!isSame) {
      state.uidValidity = from.uidValidity;
      this.#kept = { id: newMailboxId(), uidValidity: from.uidValidity, uidNext, floor: this.#kept?.floor ?? 0 };
      this.#keep();
      this.#index.remove();
    }
    this.commit(fd, {}, { uidNext, modseq: this.nextModseq() }, null);
    // Whoever has it open knows it by another UIDVALIDITY.
    if (!isSame) this.retire();
    return true;
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
  wordsWith(flags: Iterable<string>): readonly string[] {
    const words = wordsIn(
      this.state.keywords,
      [...flags].filter((flag) => !flag.startsWith("\\")),
      [],
    );
    if (words.length > MAX_KEYWORDS && words.length > this.state.keywords.length)
      throw new StoreError("limit", "This mailbox has no room for more keywords");
    return words;
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

const gone = (): StoreError => new StoreError("nonexistent", "The mailbox is gone");

const stampOf = (stats: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string =>
  `${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;

/** Each word once, whatever its case; the first ways of writing them count. */
function wordsIn(first: readonly string[], second: readonly string[], scanned: readonly Scanned[]): readonly string[] {
  const words = new Map<string, string>();
  const add = (word: string) => {
    const folded = word.toLowerCase();
    if (!words.has(folded)) words.set(folded, word);
  };
  for (const word of first) add(word);
  for (const word of second) add(word);
  for (const { facts } of scanned)
    for (const flag of facts.flags) if (!flag.startsWith("\\") && words.size < MAX_KEYWORDS) add(flag);
  return [...words.values()];
}
