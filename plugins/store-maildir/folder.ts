/**
 * One mailbox directory as this process knows it: shared by all sessions that have it open. `sync` compares with the disk
 * only where the directories' times say so; changes are published as a new snapshot. When the directory is gone, or got
 * another UIDVALIDITY, every call rejects with `nonexistent`: sessions must open it again.
 */
import { basename } from "node:path";
import { type IndexHead, type KnownMessage, StoreError } from "postern/plugin";
import { damageReport } from "./damaged.ts";
import { storeError } from "./errors.ts";
import { baseOf, compareByTime, lettersOf } from "./file-name.ts";
import { flagsFor } from "./flags.ts";
import { cursorOf, FolderIndex, placeOf, wordsIn } from "./folder-index.ts";
import { withUidLock } from "./folder-lock.ts";
import { Keywords } from "./keywords.ts";
import { MessageFile } from "./message-file.ts";
import { Modseq } from "./modseq.ts";
import { Mutex } from "./mutex.ts";
import { type DirectoryTimes, isSameTimes, type Scan, scanFolder, settledAtMs, timesOf } from "./scan.ts";
import type { Site } from "./site.ts";
import { type Edit, Entry, MaildirSnapshot } from "./snapshot.ts";
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
  /** Nothing has changed but what the index is to know. */
  readonly isNoted?: boolean;
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
  /** `null`: there is none, or it has gone while this folder was known. */
  index: FolderIndex | null = null;
  hasLeftIndex = false;
  #known: DirectoryTimes | null = null;
  #listedMs = 0;
  #scanTookMs = 0;
  /** When to compare again although the times do not ask for it; 0 is never. */
  #recheckMs = 0;
  #isGone = false;
  /** One function for all files. */
  readonly #learned = (file: MessageFile): void => this.index?.mailbox.learn(file.uid, known(file.learned));
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
    let isRead = !hasNewWords;
    if (this.#known === null) isRead ||= await this.#openIndex();
    else this.#hearOthers(times, by);
    if (!isRead || this.#isDue(times)) await this.#compareWithDisk(hasNewWords, by);
    return (await this.#register()) ? this.snapshot : this.compare(by);
  }

  /** What the index knows, as a beginning. What has changed since then on the disk is found by the comparison that follows. */
  async #openIndex(): Promise<boolean> {
    if (!this.site.index) return false;
    await this.#readUids(new Set());
    const { mailboxId, uidValidity } = this.uidlist;
    this.index = await FolderIndex.open(this.site, { path: this.path, mailboxId, uidValidity });
    const loaded = await this.index?.load();
    if (!loaded) return false;
    const { head, messages } = loaded;
    this.modseq.resume(head.highestModseq);
    const lost = new Set<number>();
    const appended: Entry[] = [];
    for (const message of messages.values()) {
      const place = placeOf(message.place);
      const record = place && this.uidlist.records.get(baseOf(place.name));
      // Another program has given it another UID, or the line is gone.
      if (!place || record?.uid !== message.uid || this.files.has(record.base)) lost.add(message.uid);
      else appended.push(this.#recalled({ ...place, uid: message.uid, fields: record.fields }, message));
    }
    const { uidNext, highestModseq } = head;
    const nothing = { removed: NONE, replaced: NO_ENTRIES };
    this.snapshot = this.snapshot.edited({ ...nothing, appended, uidNext, highestModseq });
    this.#known = { newNs: -1n, curNs: -1n };
    const words = JSON.stringify(this.keywords.names);
    if (lost.size === 0 && wordsIn(head.cursor) === words) this.#trust(head, this.times());
    else this.#publishRecalled(lost, wordsIn(head.cursor), words);
    return true;
  }

  /** The letters of keywords may mean something else than when they were registered. */
  #publishRecalled(removed: ReadonlySet<number>, before: string, now: string): void {
    const replaced = new Map<number, Entry>();
    if (before !== "" && before !== now) {
      for (const entry of this.snapshot) {
        if (/[a-z]/.test(lettersOf(entry.file.name))) replaced.set(entry.uid, new Entry(entry.file, entry.flags, 0));
      }
    }
    if (removed.size > 0 || replaced.size > 0) this.publish({ removed, replaced }, null);
  }

  #recalled(found: Parameters<Folder["adopt"]>[0], message: KnownMessage): Entry {
    const entry = this.adopt(found, message.modseq);
    entry.file.recall(message);
    return entry;
  }

  /** Goes by a listing of another process, if there is one of the disk as it is. */
  #trust(head: IndexHead, times: DirectoryTimes): void {
    if (!this.index || this.#recheckMs > 0 || head.cursor === "") return;
    if (!this.index.vouches(head, cursorOf(this.path, times, this.keywords.names))) return;
    this.#known = times;
    this.#listedMs = settledAtMs(times) + 1;
    this.fresh.clear();
    for (const { file } of this.snapshot) if (file.where === "new") this.fresh.add(file);
  }

  /** Takes in what other processes have registered. */
  #hearOthers(times: DirectoryTimes, by: FolderListener | null): void {
    if (!this.index) return;
    const head = this.index.head();
    if (!head || head.highestModseq < this.snapshot.highestModseq) return this.#leaveIndex();
    if (head.highestModseq > this.snapshot.highestModseq) {
      const news = this.index.mailbox.news(this.snapshot.highestModseq);
      if (!news) return this.#leaveIndex();
      const { uidNext, highestModseq } = news.head;
      this.modseq.used(highestModseq);
      const nothing = { removed: NONE, replaced: NO_ENTRIES, appended: [] };
      this.#show({ ...this.#withOthers(nothing, news.others), uidNext, highestModseq }, by);
    }
    if (this.#known && !isSameTimes(times, this.#known)) this.#trust(head, times);
  }

  /** The index is gone, or does not remember so much: this folder goes on by itself, until nobody has it open. */
  #leaveIndex(): void {
    this.index = null;
    this.hasLeftIndex = true;
  }

  /**
   * After a comparison: tells the index what the disk was like, so that nobody need look again. `false`: another process has
   * registered the mailbox first, and we begin anew with what it knows.
   */
  async #register(): Promise<boolean> {
    const { index, snapshot } = this;
    if (!index || !this.#known) return true;
    const cursor = this.#cursor();
    if (index.isBegun) {
      if (index.hasNews(cursor)) this.publish({ isNoted: true }, null);
      return true;
    }
    // Nobody has seen this snapshot yet.
    if (await index.begin(snapshot, { modseq: snapshot.highestModseq, uidNext: snapshot.uidNext, cursor })) return true;
    if (!index.head()) {
      this.#leaveIndex();
      return true;
    }
    this.files.clear();
    this.fresh.clear();
    this.snapshot = MaildirSnapshot.empty;
    this.#known = null;
    return false;
  }

  /** What the disk was like at the last comparison; empty where something may be hidden behind it. */
  #cursor(): string {
    const isSettled = this.#known && this.#recheckMs === 0 && this.#listedMs > settledAtMs(this.#known);
    return isSettled && this.#known ? cursorOf(this.path, this.#known, this.keywords.names) : "";
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
    this.index?.gone(file);
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
    file.onLearned = this.#learned;
    this.files.set(file.base, file);
    if (found.where === "new") this.fresh.add(file);
    return new Entry(file, this.flagsOf(found.name), modseq);
  }

  place(file: MessageFile, where: "new" | "cur", name: string): void {
    this.#stand(file, { where, name });
    this.index?.moved(file);
  }

  #stand(file: MessageFile, { where, name }: { readonly where: "new" | "cur"; readonly name: string }): void {
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
    const isKnown = uidNext === this.snapshot.uidNext && this.snapshot !== MaildirSnapshot.empty;
    if (isQuiet && isKnown && !change.isNoted) return;
    const edit = { removed, replaced, appended, uidNext };
    const registered = this.#registered(edit);
    if (registered) this.#show(registered, by);
    else if (!isQuiet || !isKnown) this.#show({ ...edit, highestModseq: this.modseq.next() }, by);
  }

  #show(edit: Edit, by: FolderListener | null): void {
    this.snapshot = this.snapshot.edited(edit);
    if (edit.removed.size > 0 || edit.replaced.size > 0 || edit.appended.length > 0) this.emit(by);
  }

  /** Changes as the index took them, with those of others; `null` where there is no index. */
  #registered(change: Omit<Edit, "highestModseq">): Edit | null {
    if (!this.index?.isBegun) return null;
    const { removed, replaced, appended, uidNext } = change;
    const put = [...replaced.values(), ...appended];
    const how = { since: this.snapshot.highestModseq, modseq: this.modseq.next(), uidNext, cursor: this.#cursor() };
    const taken = this.index.commit({ ...how, put, vanished: removed });
    if (!taken) {
      this.#leaveIndex();
      return null;
    }
    this.modseq.used(taken.highestModseq);
    const not = new Set(taken.refused);
    const theirs = new Set(taken.others.put.map(({ uid }) => uid));
    for (const uid of taken.others.vanished) not.add(uid);
    const numbered = (entry: Entry) => new Entry(entry.file, entry.flags, taken.modseq);
    const isOurs = ({ uid }: Entry) => !not.has(uid) && !theirs.has(uid);
    for (const { uid, file } of appended) if (not.has(uid)) this.#drop(file, new Set());
    const own = {
      removed: new Set([...removed].filter((uid) => !theirs.has(uid))),
      replaced: new Map([...replaced.values()].filter(isOurs).map((entry) => [entry.uid, numbered(entry)] as const)),
      appended: appended.filter(isOurs).map(numbered),
    };
    if (taken.refused.length > 0) this.distrust();
    const { uidNext: next, highestModseq } = taken;
    return { ...this.#withOthers(own, taken.others), uidNext: next, highestModseq };
  }

  /** Adds what others have registered. Where it does not fit what we know, the disk is looked at again. */
  #withOthers(
    own: Omit<Edit, "uidNext" | "highestModseq">,
    others: { readonly put: readonly KnownMessage[]; readonly vanished: readonly number[] },
  ): Omit<Edit, "uidNext" | "highestModseq"> {
    if (others.put.length === 0 && others.vanished.length === 0) return own;
    const removed = new Set(own.removed);
    const replaced = new Map(own.replaced);
    const appended = [...own.appended];
    for (const uid of others.vanished) {
      const old = this.snapshot.find(uid);
      if (!old) continue;
      this.#drop(old.file, removed);
      this.uidlist.forget(old.file.base);
    }
    for (const message of others.put) {
      const place = placeOf(message.place);
      const old = this.snapshot.find(message.uid);
      const file = place && (old?.file ?? this.files.get(baseOf(place.name)));
      if (!place || (file && (file.uid !== message.uid || file.base !== baseOf(place.name)))) this.distrust();
      else if (old && file) {
        this.#stand(file, place);
        replaced.set(message.uid, new Entry(file, this.flagsOf(place.name), message.modseq));
      } else if (message.uid < this.snapshot.uidNext) this.distrust();
      else appended.push(this.#recalled({ ...place, uid: message.uid }, message));
    }
    return { removed, replaced, appended: appended.sort((a, b) => a.uid - b.uid) };
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

/** Without what is not known. */
const known = (facts: MessageFile["learned"]): Partial<MessageFile["learned"]> =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value >= 0));

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const value of a) if (!b.has(value)) return false;
  return true;
}
