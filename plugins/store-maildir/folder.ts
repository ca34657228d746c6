/**
 * One mailbox directory as this process knows it: shared by all sessions that have it open. `sync` compares with the disk
 * only where the directories' times say so; changes are published as a new snapshot. When the directory is gone, or got
 * another UIDVALIDITY, every call rejects with `nonexistent`: sessions must open it again.
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { StoreError } from "postern/plugin";
import { type FolderListener, Mutex, type SharedFolder } from "postern/store";
import { beginUids, makeUids, settleUids } from "./begin-uids.ts";
import type { CarryOut } from "./carry-out.ts";
import { damageReport } from "./damaged.ts";
import { baseOf, lettersOf, sortedByTime } from "./file-name.ts";
import { FlagJournal } from "./flag-journal.ts";
import { flagsFor, hasSameFlags } from "./flags.ts";
import { type FolderIndex, learnedOf } from "./folder-index.ts";
import { withUidLock } from "./folder-lock.ts";
import { importCourier } from "./import-courier.ts";
import { beginWithIndex, hearOthers, leaveWord } from "./index-sync.ts";
import { Keywords } from "./keywords.ts";
import { KnownDisk } from "./known-disk.ts";
import { withLeftFlags } from "./left-flags.ts";
import { type KnownFile, MessageFile } from "./message-file.ts";
import { Modseq } from "./modseq.ts";
import { type DirectoryTimes, type Scan, scanFolder, timesOf } from "./scan.ts";
import { registered } from "./share.ts";
import type { Site } from "./site.ts";
import { type Change, type Edit, Entry, emptySnapshot, type MaildirSnapshot } from "./snapshot.ts";
import { UidList } from "./uidlist.ts";

const MAX_FLAG_SETS = 4_096;

export interface FolderPlace {
  /** Absolute path of the mailbox: the Maildir for INBOX, `.Name` in it for others. */
  readonly path: string;
  /** The account's Maildir: where UIDVALIDITY values are given out. */
  readonly root: string;
}

interface Comparison {
  /** Made before, since the mailbox was not begun. */
  readonly listing: Scan | null;
  readonly hasNewWords: boolean;
  readonly by: FolderListener | null;
}

const NONE: ReadonlySet<number> = new Set();
const NO_ENTRIES: ReadonlyMap<number, Entry> = new Map();

export class Folder implements SharedFolder<Entry> {
  readonly path: string;
  readonly root: string;
  readonly site: Site;
  readonly uidlist: UidList;
  readonly keywords: Keywords;
  /** Everything that changes the folder's state waits here. */
  readonly mutex = new Mutex();
  readonly files = new Map<string, MessageFile>();
  readonly listeners = new Set<FolderListener>();
  readonly modseq: Modseq;
  readonly flagJournal: FlagJournal;
  readonly disk: KnownDisk;
  /** Messages that nobody has claimed as recent. */
  readonly fresh = new Set<MessageFile>();
  /** Number of the running scan. */
  scans = 0;
  /** Sessions that have it open. */
  holders = 0;
  snapshot = emptySnapshot;
  /** `null`: there is none, or it has gone while this folder was known. */
  index: FolderIndex | null = null;
  hasLeftIndex = false;
  /** Flags that a session was told of, until the disk has them. */
  ahead: CarryOut | null = null;
  #isGone = false;
  /** One function for all files. */
  readonly #learned = (file: MessageFile): void => this.index?.mailbox.learn(file.uid, learnedOf(file));
  #flagSets = new Map<string, ReadonlySet<string>>();
  #running: Promise<MaildirSnapshot> | null = null;

  constructor(place: FolderPlace, site: Site) {
    this.path = place.path;
    this.root = place.root;
    this.site = site;
    const report = damageReport(site.log, place.path);
    this.uidlist = new UidList(place.path, report, (fd) => site.flush.file(fd, place.path));
    this.keywords = new Keywords(place.path, report);
    this.flagJournal = new FlagJournal(place.path);
    this.disk = new KnownDisk(place.path);
    this.modseq = new Modseq(place.path, () => site.clock.now());
  }

  /** Calls that meet share one comparison, unless it began before the second asked. */
  sync(): Promise<MaildirSnapshot> {
    if (this.#running) return this.#running;
    const turn = this.mutex.run(() => {
      this.#running = null;
      return this.compare();
    });
    this.#running = turn;
    return turn;
  }

  /** Within the mutex. */
  compare(by: FolderListener | null = null): Promise<MaildirSnapshot> {
    return this.flagJournal.isThere ? withLeftFlags(this, () => this.#compare(by)) : this.#compare(by);
  }

  async #compare(by: FolderListener | null): Promise<MaildirSnapshot> {
    const times = this.times();
    const hasNewWords = this.keywords.refresh();
    if (hasNewWords) this.#flagSets.clear();
    let isRead = !hasNewWords;
    let listing: Scan | null = null;
    if (this.disk.isBegun) hearOthers(this, times, by);
    else {
      listing = await beginUids(this);
      isRead = await beginWithIndex(this);
    }
    if (!isRead || this.disk.isDue(times)) await this.#compareWithDisk({ listing, hasNewWords, by });
    settleUids(this);
    return (await leaveWord(this)) ? this.snapshot : this.#compare(by);
  }

  /** The index is gone, or does not remember so much: this folder goes on by itself, until nobody has it open. */
  leaveIndex(): void {
    if (!this.index) return;
    this.index = null;
    this.hasLeftIndex = true;
  }

  times(): DirectoryTimes {
    const times = this.#isGone ? null : timesOf(this.path);
    if (times) return times;
    this.retire();
    throw new StoreError("nonexistent", "The mailbox is gone");
  }

  /** The directory is no longer this mailbox (deleted, renamed, or rebuilt by another program). */
  retire(): void {
    this.#isGone = true;
    this.site.folders.forget(this);
    this.emit(null);
  }

  /** For file events: whether what is known is all there is. */
  get isCurrent(): boolean {
    return !this.#isGone && !this.isBehind;
  }

  /** A file event. What others change in the same tick of the clock as we do does not show in the times of the directory. */
  noticed(directory: string, name: string): void {
    if (!this.disk.mayHide || name.startsWith(".")) return;
    const file = this.files.get(baseOf(name));
    const isKnown = file?.name === name && basename(directory) === file.where;
    if (existsSync(join(directory, name)) !== isKnown) this.distrust();
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether a file system event is worth waking anybody. */
  get isBehind(): boolean {
    if (this.#isGone) return false;
    const times = this.disk.isKnown ? timesOf(this.path) : null;
    return !times || this.disk.isDue(times);
  }

  async #compareWithDisk({ listing, hasNewWords, by }: Comparison): Promise<void> {
    const lost = new Set<number>();
    const expected = () => this.#unseen();
    let scan = listing ?? (await scanFolder(this, expected));
    const isUnchanged = scan.unknown.size === 0 || this.#refreshUids(lost) === "unchanged";
    // Of a listing that the list was made of, all have one.
    let nameless = isUnchanged && !listing ? this.#withoutUid(scan) : [];
    if (!isUnchanged || nameless.length > 0) {
      await withUidLock(this, async () => {
        // Whoever gave UIDs since our listing had its files in place: one listing under the lock holds all of them.
        if ((await this.#readUidsLocked(lost)) || !isUnchanged) {
          scan = await scanFolder(this, expected);
          nameless = this.#withoutUid(scan);
        }
        if (nameless.length > 0) await this.uidlist.assign(sortedByTime(nameless));
      });
    }
    this.#take(scan, { lost, hasNewWords, by });
  }

  /** Messages with UIDs that nobody here has been told: one that a listing lacks for a moment must not lose its UID. */
  *#unseen(): Iterable<string> {
    if (this.uidlist.nextUid <= this.snapshot.uidNext) return;
    for (const { uid, base } of this.uidlist.records.values()) if (uid >= this.snapshot.uidNext) yield base;
  }

  /** Bases that have no UID, or one that sessions would not expect any more. */
  #withoutUid(scan: Scan): string[] {
    const published = this.snapshot.uidNext;
    const without: string[] = [];
    for (const base of scan.unknown.keys()) {
      const record = this.uidlist.records.get(base);
      if (!record || record.uid < published) without.push(base);
    }
    return without;
  }

  /** Before anything is known of the mailbox: what was given since the list was read. */
  rereadUids(): void {
    const { uidValidity } = this.uidlist;
    if (this.uidlist.refresh() === "missing" || this.uidlist.uidValidity !== uidValidity) this.#refuseOther();
  }

  /** Whether there was anything new. */
  async #readUidsLocked(lost: Set<number>): Promise<boolean> {
    const change = this.#refreshUids(lost);
    if (change !== "missing") return change !== "unchanged";
    if (this.disk.isBegun || !(await importCourier(this))) await makeUids(this, []);
    if (this.disk.isBegun) this.#refuseOther();
    return true;
  }

  /** Under the lock, before UIDs are given outside of a comparison. Whether others had given some. */
  async prepareUids(): Promise<boolean> {
    const lost = new Set<number>();
    const hasNews = await this.#readUidsLocked(lost);
    if (hasNews) this.distrust();
    if (lost.size > 0) this.publish({ removed: lost }, null);
    return hasNews;
  }

  /** The next comparison looks at the directories whatever their times say. */
  distrust(): void {
    this.disk.distrust();
  }

  /** Reads what others wrote into the list; messages whose UID is another now go into `lost` and count as unknown. */
  #refreshUids(lost: Set<number>): "missing" | "unchanged" | "appended" | "replaced" {
    const before = this.uidlist.uidValidity;
    const change = this.uidlist.refresh();
    if (change === "missing" || change === "unchanged") return change;
    if (this.disk.isBegun && before !== this.uidlist.uidValidity) this.#refuseOther();
    if (change === "replaced") {
      for (const file of this.files.values()) {
        if (this.uidlist.records.get(file.base)?.uid === file.uid) continue;
        this.drop(file);
        lost.add(file.uid);
      }
    }
    return change;
  }

  #refuseOther(): never {
    this.retire();
    throw new StoreError("nonexistent", "The mailbox has been rebuilt");
  }

  /** The message is gone, or another. */
  drop(file: MessageFile): void {
    this.files.delete(file.base);
    this.fresh.delete(file);
    this.index?.gone(file);
  }

  #take(scan: Scan, how: { lost: Set<number>; hasNewWords: boolean; by: FolderListener | null }): void {
    const replaced = new Map<number, Entry>();
    const changed = new Set<MessageFile>();
    for (const file of scan.vanished) {
      this.drop(file);
      how.lost.add(file.uid);
      this.uidlist.forget(file.base);
    }
    for (const [file, { where, name }] of scan.renamed) {
      if (file.isMoved || lettersOf(file.name) !== lettersOf(name)) changed.add(file);
      this.place(file, where, name);
    }
    if (how.hasNewWords)
      for (const { file } of this.snapshot) if (/[a-z]/.test(lettersOf(file.name))) changed.add(file);
    const modseq = changed.size > 0 || scan.unknown.size > 0 ? this.modseq.next() : 0;
    for (const file of changed) {
      const old = this.snapshot.find(file.uid);
      const flags = this.flagsOf(file.name);
      if (old && this.files.has(file.base) && !hasSameFlags(old.flags, flags)) {
        replaced.set(file.uid, new Entry(file, flags, modseq));
      }
    }
    // What comes after a message that may be there waits until that is known: UIDs are shown in ascending order only.
    let uidNext = this.uidlist.nextUid;
    for (const base of scan.unsure) {
      if (!this.files.has(base)) uidNext = Math.min(uidNext, this.uidlist.records.get(base)?.uid ?? uidNext);
    }
    const appended: Entry[] = [];
    for (const [base, found] of scan.unknown) {
      const record = this.uidlist.records.get(base);
      if (!record || record.uid >= uidNext) continue;
      const { uid, fields } = record;
      appended.push(this.adopt({ where: found.where, name: found.name, base, uid, fields }, modseq));
    }
    appended.sort((a, b) => a.uid - b.uid);
    this.disk.listed(scan);
    if (scan.unsure.size > 0) this.distrust();
    this.publish({ removed: how.lost, replaced, appended, uidNext }, how.by);
  }

  /** A message that has a UID now: known from here on, shown by the next `publish`. */
  adopt(found: KnownFile, modseq: number): Entry {
    const file = new MessageFile(this.path, found);
    file.onLearned = this.#learned;
    this.files.set(file.base, file);
    if (found.where === "new") this.fresh.add(file);
    return new Entry(file, this.flagsOf(found.name), modseq);
  }

  place(file: MessageFile, where: "new" | "cur", name: string): void {
    this.stand(file, { where, name });
    this.index?.moved(file);
  }

  /** Where the message is, as the index says. */
  stand(file: MessageFile, { where, name }: { readonly where: "new" | "cur"; readonly name: string }): void {
    file.where = where;
    file.name = name;
    file.isMoved = false;
    if (where === "new") this.fresh.add(file);
    else this.fresh.delete(file);
  }

  flagsOf(name: string): ReadonlySet<string> {
    const letters = lettersOf(name);
    const known = this.#flagSets.get(letters);
    if (known) return known;
    const flags = flagsFor(letters, this.keywords.names);
    if (this.#flagSets.size > MAX_FLAG_SETS) this.#flagSets.clear();
    this.#flagSets.set(letters, flags);
    return flags;
  }

  /** Flag sets with keywords mean something else now. */
  forgetFlagSets(): void {
    this.#flagSets.clear();
  }

  /**
   * Within the mutex: shows changes, and tells the other sessions. `uidNext` only where every message below it is shown.
   */
  publish(change: Change, by: FolderListener | null): void {
    const { removed = NONE, replaced = NO_ENTRIES, appended = [], uidNext = this.snapshot.uidNext } = change;
    const isQuiet = removed.size === 0 && replaced.size === 0 && appended.length === 0;
    const isKnown = uidNext === this.snapshot.uidNext && this.snapshot !== emptySnapshot;
    if (isQuiet && isKnown && !change.isNoted) return;
    const edit = { removed, replaced, appended, uidNext };
    const taken = registered(this, edit, change.modseq);
    if (taken) this.show(taken, by);
    else if (!isQuiet || !isKnown) this.show({ ...edit, highestModseq: this.modseq.next() }, by);
  }

  /** Within the mutex: shows what is carried out next. Other sessions hear of it then. */
  promise(replaced: ReadonlyMap<number, Entry>, highestModseq: number): void {
    const { uidNext } = this.snapshot;
    this.snapshot = this.snapshot.edited({ removed: NONE, replaced, appended: [], uidNext, highestModseq });
  }

  /** Within the mutex: what has been registered. */
  show(edit: Edit, by: FolderListener | null): void {
    const { snapshot } = this;
    const isQuiet = edit.removed.size === 0 && edit.replaced.size === 0 && edit.appended.length === 0;
    const isKnown = edit.uidNext === snapshot.uidNext && edit.highestModseq === snapshot.highestModseq;
    if (isQuiet && isKnown && snapshot !== emptySnapshot) return;
    this.snapshot = snapshot.edited(edit);
    if (!isQuiet) this.emit(by);
  }

  emit(by: FolderListener | null): void {
    for (const listener of this.listeners) if (listener !== by) listener.changed();
  }

  /** Tells sessions of other workers; lossy. */
  announce(): void {
    this.site.notifier?.publish(`mailbox:${this.path}`);
  }

  /** Runs changes of our own in the directories, without a pause. */
  own<T>(work: () => T): T {
    return this.disk.own(work);
  }

  /** For the log: the directory's own name, without the path to it. */
  get label(): string {
    return basename(this.path);
  }
}
