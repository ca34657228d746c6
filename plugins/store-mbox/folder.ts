/**
 * One mbox as this process knows it: shared by all sessions that have it open. Everything happens under its locks, and first of all what
 * others did meanwhile is taken in. When the file is gone, or got another UIDVALIDITY, calls reject with `nonexistent`: sessions must open
 * it again.
 */

import { closeSync, existsSync, fstatSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import {
  attempt,
  errnoOf,
  type FolderListener,
  layoutOf,
  type MboxBase,
  Mutex,
  type SharedFolder,
  storeError,
  type WantedMeta,
} from "postern/store";
import { alter, type Wish } from "./alter.ts";
import { isAppendNoted, takeBack } from "./append-note.ts";
import { isAsKnown } from "./compare.ts";
import type { FolderIndex } from "./folder-index.ts";
import { hearOthers, register } from "./index-sync.ts";
import { MailboxFacts } from "./mailbox-facts.ts";
import { lockMailbox } from "./mailbox-lock.ts";
import { MailboxState } from "./mailbox-state.ts";
import type { Message } from "./message.ts";
import { goneError, isSameFile, type OpenFile, openFile, stampOf } from "./open-file.ts";
import { recoverMailbox } from "./rescue.ts";
import type { Site } from "./site.ts";
import type { Entry, MboxSnapshot } from "./snapshot.ts";
import { takeIn } from "./take-in.ts";
import { nextUidValidity } from "./uidvalidity.ts";
import { wordsWith } from "./words.ts";

/** Looking at each message of a large mailbox again takes no more than a small part of the time. */
const THOROUGH_SHARE = 20;

export interface FolderPlace {
  /** The mbox. */
  readonly path: string;
  /** Where its journal is, and what cannot be told from the mbox. */
  readonly control: string;
  /** The account's directory of mailboxes. */
  readonly root: string;
}

/** What a change of our own makes different. */
export interface Change {
  /** New, or with other flags. */
  readonly put?: readonly { readonly message: Message; readonly flags: Iterable<string> }[];
  readonly gone?: readonly number[];
  /** Of which nothing is another but how long they are. */
  readonly touched?: readonly Message[];
  readonly uidNext?: number;
  readonly keywords?: readonly string[];
}

export class Folder implements SharedFolder<Entry> {
  readonly place: FolderPlace;
  readonly site: Site;
  readonly mutex = new Mutex();
  readonly listeners = new Set<FolderListener>();
  readonly state = new MailboxState();
  readonly facts: MailboxFacts;
  /** `null`: there is none, or it has gone while this folder was known. */
  index: FolderIndex | null = null;
  hasLeftIndex = false;
  /** Sessions that have it open. */
  holders = 0;
  #mailboxId = "";
  #isGone = false;
  #thoroughMs = 0;
  #thoroughTookMs = 0;

  constructor(place: FolderPlace, site: Site) {
    this.place = place;
    this.site = site;
    this.facts = new MailboxFacts(place.control);
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
      if (this.isBehind || isThorough) await this.locked("shared", () => {}, null);
      return this.snapshot;
    });
  }

  /** For file events: whether what is known is all there is. Never throws. */
  get isCurrent(): boolean {
    const seen = this.#isGone ? undefined : statSync(this.path, { throwIfNoEntry: false, bigint: true });
    return seen !== undefined && this.#isKnown(stampOf(seen));
  }

  /** Whether the file is as it is known to be, and nobody has told of anything else. */
  #isKnown(stamp: string): boolean {
    if (stamp !== this.state.look.stamp || this.#isThoroughDue || this.#isUnsure) return false;
    // Two changes in one tick of the clock give one time to the file.
    return (this.index?.mailbox.head()?.highestModseq ?? 0) <= this.snapshot.highestModseq;
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
    return !this.#isKnown(stampOf(seen));
  }

  get #isThoroughDue(): boolean {
    return this.state.look.isDoubtful && Date.now() >= this.#thoroughMs;
  }

  /** Without an index nobody tells of a change in the same tick of the clock as the last one that was seen. */
  get #isUnsure(): boolean {
    return this.index === null && !this.state.look.isSettled;
  }

  /** Runs `work` with the mailbox locked. Changes are told to all listeners but `by`. */
  use<T>(
    mode: "shared" | "exclusive",
    work: (file: OpenFile) => Promise<T> | T,
    by: FolderListener | null = null,
  ): Promise<T> {
    return this.mutex.run(() => this.locked(mode, work, by));
  }

  /** Without looking at what is in the mailbox: for appending to one that nobody has opened yet. */
  useBlindly<T>(work: (file: OpenFile) => Promise<T> | T): Promise<T> {
    return this.mutex.run(() => this.locked("exclusive", work, null, true));
  }

  /** Whether this process knows nothing of what is in it, and need not know to put mail behind it. */
  get isUnknown(): boolean {
    return this.state.uidValidity === 0 && !isAppendNoted(this.place.control);
  }

  /** Like `use`, for whoever has the mutex. */
  async locked<T>(
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
    return !this.#isKnown(stampOf(fstatSync(fd, { bigint: true }))) || existsSync(this.journal);
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
    // Another process has begun it anew.
    if (this.#mailboxId !== "" && this.facts.id !== this.#mailboxId) this.#refuseGone();
    let shows = await hearOthers(this);
    const stamp = stampOf(fstatSync(fd, { bigint: true }));
    if (stamp !== this.state.look.stamp || this.#isThoroughDue || this.#isUnsure) {
      if (isWritable) await takeBack(fd, this);
      shows = (await this.#compare(file)) || shows;
    }
    this.#mailboxId = this.facts.id;
    if (shows) this.emit(by);
  }

  async #compare(file: OpenFile): Promise<boolean> {
    const began = performance.now();
    const isFirst = this.state.uidValidity === 0 || this.state.look.end === 0;
    const since = this.snapshot.highestModseq;
    const { shows, isDoubtful, ...change } = await takeIn(this, file, this.#isThoroughDue || this.#isUnsure);
    if (isDoubtful) {
      const laterMs = Math.max(1_000, this.#thoroughTookMs * THOROUGH_SHARE);
      this.#thoroughMs = Math.max(this.#thoroughMs, Date.now() + laterMs);
    } else this.#thoroughTookMs = performance.now() - began;
    await register(this, file.fd, { ...change, since, isFirst });
    return shows;
  }

  /** The index is gone, or knows what this folder does not. */
  leaveIndex(): void {
    this.index = null;
    this.hasLeftIndex = true;
  }

  /** What the index says is wrong: it begins anew with whoever reads the mailbox next. */
  forgetIndex(): void {
    this.index?.forget();
    if (this.state.uidValidity !== 0) this.leaveIndex();
    this.index = null;
  }

  /** Under which UIDVALIDITY it goes on, and from which UID if nothing is known. `nonexistent`: it has become another mailbox. */
  settleValidity(base: MboxBase | null, isEmpty: boolean): { readonly uidValidity: number; readonly uidNext: number } {
    const { state, facts } = this;
    if (state.uidValidity !== 0 && base && base.uidValidity !== state.uidValidity) {
      this.forgetIndex();
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
  wantedOf(message: Message, change: Partial<Pick<WantedMeta, "flags" | "isOld" | "base">> = {}): NonNullable<Wish> {
    const { uid, isOld } = message;
    return {
      uid,
      flags: uid > 0 ? (this.snapshot.find(uid)?.flags ?? []) : ["\\Seen"],
      isOld,
      base: message === this.holder ? this.base : null,
      isPseudo: message === this.state.lead,
      ...change,
    };
  }

  get base(): MboxBase {
    const { uidValidity, uidNext, keywords } = this.state;
    return { uidValidity, lastUid: uidNext - 1, keywords };
  }

  /** Changes fields in the file, or takes messages out. Answers those that are longer or shorter now; `commit` makes all of it known. */
  alter(
    file: OpenFile,
    messages: readonly Message[],
    wish: (message: Message) => Wish = (message) => this.wantedOf(message),
  ): Promise<readonly Message[]> {
    const { step } = this.site;
    return alter(
      { fd: file.fd, journal: this.journal, ...(step && { step }) },
      {
        messages: messages.toSorted((a, b) => a.start - b.start),
        wish,
        all: () => this.state.messages(),
      },
    );
  }

  /** Above any that this mailbox ever had. */
  nextModseq(): number {
    const last = this.snapshot.highestModseq;
    const next = Math.max(this.facts.above(last) + 1, this.site.clock.now() * 1000);
    this.facts.raiseFloor(next);
    return next;
  }

  /** What is in the file now is shown, and told others. */
  async commit(
    fd: number,
    { put = [], gone = [], touched = [], ...rest }: Change,
    by: FolderListener | null,
  ): Promise<void> {
    const { state } = this;
    const since = this.snapshot.highestModseq;
    const isChanged = put.length > 0 || gone.length > 0;
    const modseq = isChanged ? this.nextModseq() : since;
    const { keywords = state.keywords, uidNext = state.uidNext } = rest;
    state.look = { ...state.look, keywords };
    const reads = put.map(({ message, flags }) => ({ message, flags: state.flagsOf(flags), modseq }));
    const shows = state.take({ put: reads, gone, uidNext, highestModseq: modseq });
    const changed = new Set([...put.map(({ message }) => message), ...touched]);
    await register(this, fd, { touched: changed, gone, since, modseq: isChanged ? modseq : 0, isFirst: false });
    if (shows) this.emit(by);
    this.announce();
  }

  /** What the index says is forgotten, and the mailbox is read again as a whole. */
  distrust(): void {
    this.forgetIndex();
    this.hasLeftIndex = false;
    this.state.look = { ...this.state.look, stamp: "", end: 0 };
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
      const layout = await layoutOf(file.fd, message);
      if (layout && isAsKnown(layout, message, this.snapshot.find(message.uid)?.flags ?? new Set())) continue;
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
