/**
 * One mailbox directory as this process knows it: shared by all sessions that have it open. `sync` compares with the disk
 * only where the directories' times say so; changes are published as a new snapshot. When the directory is gone, or got
 * another UIDVALIDITY, every call rejects with `nonexistent`: sessions must open it again.
 */
import { basename } from "node:path";
import { StoreError } from "postern/plugin";
import { damageReport } from "./damaged.ts";
import { storeError } from "./errors.ts";
import { compareByTime, lettersOf } from "./file-name.ts";
import { flagsFor } from "./flags.ts";
import { withUidLock } from "./folder-lock.ts";
import { Keywords } from "./keywords.ts";
import { MessageFile } from "./message-file.ts";
import { Modseq } from "./modseq.ts";
import { Mutex } from "./mutex.ts";
import { type DirectoryTimes, isSameTimes, type Scan, scanFolder, settledAtMs, timesOf } from "./scan.ts";
import type { Site } from "./site.ts";
import { Entry, MaildirSnapshot } from "./snapshot.ts";
import { UidList } from "./uidlist.ts";
import { nextUidValidity } from "./uidvalidity.ts";

/** After changes of our own, others' changes in the same moment may be hidden: look once more after this time. */
const RECHECK_MS = 1_000;
/** ... but spend no more than a small part of the time on listing large mailboxes. */
const RECHECK_SHARE = 20;
const MAX_FLAG_SETS = 4_096;

export interface FolderPlace {
  /** Absolute path of the mailbox: the Maildir for INBOX, `.Name` in it for others. */
  readonly path: string;
  /** The account's Maildir: where UIDVALIDITY values are given out. */
  readonly root: string;
}

/** What a session hears about: somebody else published a change. */
export interface FolderListener {
  changed(): void;
}

/** What a publication changes. */
export interface Change {
  readonly removed?: ReadonlySet<number>;
  readonly replaced?: ReadonlyMap<number, Entry>;
  readonly appended?: readonly Entry[];
  readonly uidNext?: number;
}

const NONE: ReadonlySet<number> = new Set();
const NO_ENTRIES: ReadonlyMap<number, Entry> = new Map();

export class Folder {
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
  /** Messages that nobody has claimed as recent. */
  readonly fresh = new Set<MessageFile>();
  /** Number of the running scan. */
  scans = 0;
  /** Sessions that have it open. */
  holders = 0;
  snapshot = MaildirSnapshot.empty;
  #known: DirectoryTimes | null = null;
  #listedMs = 0;
  #scanTookMs = 0;
  /** When to compare again although the times do not ask for it; 0 is never. */
  #recheckMs = 0;
  #isGone = false;
  #flagSets = new Map<string, ReadonlySet<string>>();
  #running: Promise<MaildirSnapshot> | null = null;

  constructor(place: FolderPlace, site: Site) {
    this.path = place.path;
    this.root = place.root;
    this.site = site;
    const report = damageReport(site.log, place.path);
    this.uidlist = new UidList(place.path, report);
    this.keywords = new Keywords(place.path, report);
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
  async compare(by: FolderListener | null = null): Promise<MaildirSnapshot> {
    const times = this.times();
    const hasNewWords = this.keywords.refresh();
    if (hasNewWords) this.#flagSets.clear();
    if (hasNewWords || this.#isDue(times)) await this.#compareWithDisk(hasNewWords, by);
    return this.snapshot;
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

  get isGone(): boolean {
    return this.#isGone;
  }

  #isDue(times: DirectoryTimes): boolean {
    if (!this.#known || !isSameTimes(times, this.#known)) return true;
    // A change in the same tick as the listing would not show.
    if (this.#listedMs <= settledAtMs(this.#known) && Date.now() > this.#listedMs) return true;
    return this.#recheckMs > 0 && Date.now() >= this.#recheckMs;
  }

  /** Whether `files` holds exactly what is in cur/ at these times. */
  knowsCur(times: DirectoryTimes): boolean {
    return this.#known?.curNs === times.curNs && this.#listedMs > settledAtMs(times) && this.#recheckMs === 0;
  }

  /** Whether a file system event is worth waking anybody. */
  get isBehind(): boolean {
    if (this.#isGone) return false;
    const times = timesOf(this.path);
    return !times || this.#isDue(times);
  }

  async #compareWithDisk(hasNewWords: boolean, by: FolderListener | null): Promise<void> {
    const lost = new Set<number>();
    if (this.#known === null) await this.#readUids(lost);
    const expected = () => this.#unseen();
    let scan = await scanFolder(this, expected);
    const isUnchanged = scan.unknown.size === 0 || this.#refreshUids(lost) === "unchanged";
    if (!isUnchanged || this.#withoutUid(scan).length > 0) {
      await withUidLock(this.path, async () => {
        // Whoever gave UIDs since our listing had its files in place: one listing under the lock holds all of them.
        if ((await this.#readUidsLocked(lost)) || !isUnchanged) scan = await scanFolder(this, expected);
        const nameless = this.#withoutUid(scan);
        if (nameless.length > 0) await this.uidlist.assign(nameless.sort(compareByTime));
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
    return [...scan.unknown.keys()].filter((base) => (this.uidlist.records.get(base)?.uid ?? 0) < published);
  }

  async #readUids(lost: Set<number>): Promise<void> {
    if (this.#refreshUids(lost) === "missing") await withUidLock(this.path, () => this.#readUidsLocked(lost));
  }

  /** Whether there was anything new. */
  async #readUidsLocked(lost: Set<number>): Promise<boolean> {
    const change = this.#refreshUids(lost);
    if (change !== "missing") return change !== "unchanged";
    await this.uidlist.create(nextUidValidity(this.root, this.site.clock.now()));
    if (this.#known !== null) this.#refuseOther();
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
    this.#known &&= { newNs: -1n, curNs: -1n };
  }

  /** Reads what others wrote into the list; messages whose UID is another now go into `lost` and count as unknown. */
  #refreshUids(lost: Set<number>): "missing" | "unchanged" | "appended" | "replaced" {
    const before = this.uidlist.uidValidity;
    const change = this.uidlist.refresh();
    if (change === "missing" || change === "unchanged") return change;
    if (this.#known !== null && before !== this.uidlist.uidValidity) this.#refuseOther();
    if (change === "replaced") {
      for (const file of this.files.values()) {
        if (this.uidlist.records.get(file.base)?.uid !== file.uid) this.#drop(file, lost);
      }
    }
    return change;
  }

  #refuseOther(): never {
    this.retire();
    throw new StoreError("nonexistent", "The mailbox has been rebuilt");
  }

  #drop(file: MessageFile, lost: Set<number>): void {
    this.files.delete(file.base);
    this.fresh.delete(file);
    lost.add(file.uid);
  }

  #take(scan: Scan, how: { lost: Set<number>; hasNewWords: boolean; by: FolderListener | null }): void {
    const replaced = new Map<number, Entry>();
    const changed = new Set<MessageFile>();
    for (const file of scan.vanished) {
      this.#drop(file, how.lost);
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
      if (old && this.files.has(file.base) && !isSameSet(old.flags, flags)) {
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
      appended.push(this.adopt({ ...found, uid: record.uid, fields: record.fields }, modseq));
    }
    appended.sort((a, b) => a.uid - b.uid);
    this.#known = scan.times;
    this.#listedMs = scan.startedMs;
    this.#scanTookMs = scan.tookMs;
    this.#recheckMs = 0;
    if (scan.unsure.size > 0) this.distrust();
    this.publish({ removed: how.lost, replaced, appended, uidNext }, how.by);
  }

  /** A message that has a UID now: known from here on, shown by the next `publish`. */
  adopt(found: { where: "new" | "cur"; name: string; uid: number; fields?: string }, modseq: number): Entry {
    const file = new MessageFile(this.path, found);
    this.files.set(file.base, file);
    if (found.where === "new") this.fresh.add(file);
    return new Entry(file, this.flagsOf(found.name), modseq);
  }

  place(file: MessageFile, where: "new" | "cur", name: string): void {
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
    if (isQuiet && uidNext === this.snapshot.uidNext && this.snapshot !== MaildirSnapshot.empty) return;
    const highestModseq = this.modseq.next();
    this.snapshot = this.snapshot.edited({ removed, replaced, appended, uidNext, highestModseq });
    if (!isQuiet) this.emit(by);
  }

  emit(by: FolderListener | null): void {
    for (const listener of this.listeners) if (listener !== by) listener.changed();
  }

  /** Tells sessions of other workers; lossy. */
  announce(): void {
    this.site.notifier?.publish(`mailbox:${this.path}`);
  }

  /**
   * Runs changes of our own in the directories, without a pause. If nobody else had changed them before, the new times are
   * taken as known, so one flag does not cost a listing; as somebody may be hidden behind us, a comparison follows later.
   */
  own<T>(work: () => T): T {
    const before = timesOf(this.path);
    const isClean = before !== null && this.#known !== null && isSameTimes(before, this.#known);
    try {
      return work();
    } catch (cause) {
      this.distrust();
      throw storeError(cause);
    } finally {
      const after = isClean ? timesOf(this.path) : null;
      if (after && this.#known && this.#known.newNs >= 0n && !isSameTimes(after, this.#known)) {
        this.#known = after;
        const nowMs = Date.now();
        this.#listedMs = Math.max(nowMs, settledAtMs(after) + 1);
        this.#recheckMs ||= nowMs + Math.max(RECHECK_MS, this.#scanTookMs * RECHECK_SHARE);
      }
    }
  }

  /** For the log: the directory's own name, without the path to it. */
  get label(): string {
    return basename(this.path);
  }
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const value of a) if (!b.has(value)) return false;
  return true;
}
