/**
 * Carries out what a session was told of flags (`flags-ahead.ts`): each file gets the name that it has to have by the time of its turn, some
 * milliseconds at a time, while the mailbox is taken. What the session changes meanwhile goes along. Last, the index and the other sessions
 * hear of it. Who is killed in between leaves the orders to whoever looks at the mailbox next. What cannot be carried out after all is told
 * as the change it is, and tried again later.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { FolderListener } from "postern/store";
import { changing } from "./changing.ts";
import type { FlagOrder, OpenOrders } from "./flag-journal.ts";
import type { Outcomes } from "./flag-outcomes.ts";
import { hasSameFlags } from "./flags.ts";
import type { Folder } from "./folder.ts";
import type { MessageFile } from "./message-file.ts";
import { renameFlags } from "./rename-flags.ts";
import { Entry } from "./snapshot.ts";

/** Other commands of this process wait for no more of it at a time. */
const SLICE_MS = 2;
/** The answer goes first, and what the session changes next; but nobody else waits for that. */
const ANSWER_MS = 50;
const LOOK_MS = 5;
/** Other processes wait until all is done: so many orders, and none later than this behind the first. */
const MAX_ORDERS = 16;
const MAX_AGE_MS = 10_000;

/** What a session is told: the messages as they will be, and what becomes of their files. */
export interface Promised {
  readonly entries: Map<number, Entry>;
  readonly outcomes: Map<number, Outcomes>;
  readonly modseq: number;
}

export class CarryOut {
  readonly by: FolderListener;
  readonly #folder: Folder;
  readonly #orders: OpenOrders;
  readonly #begunMs = performance.now();
  /** By UID, as the session was told. */
  readonly #promised: Map<number, Entry>;
  /** Those whose files have to be renamed yet. */
  readonly #pending: Map<number, Outcomes>;
  /** What became something else than was said. */
  readonly #others = new Map<number, MessageFile>();
  readonly #gone = new Set<number>();
  #count = 1;
  #modseq = 0;
  #waitsUntilMs = 0;

  /** Shows what has been written down. */
  constructor(
    folder: Folder,
    how: { readonly orders: OpenOrders; readonly promised: Promised; readonly by: FolderListener },
  ) {
    this.#folder = folder;
    this.#orders = how.orders;
    this.by = how.by;
    this.#promised = how.promised.entries;
    this.#pending = how.promised.outcomes;
    this.#show(how.promised);
  }

  /** Whether this session may change more, without waiting for its turn. Nobody who waits is made to wait longer. */
  isOpenTo(session: FolderListener): boolean {
    const { isGone, mutex, site } = this.#folder;
    if (session !== this.by || isGone || mutex.isAwaited || site.stopped.aborted) return false;
    return this.#count < MAX_ORDERS && performance.now() - this.#begunMs < MAX_AGE_MS;
  }

  /** What becomes of a file that still waits for its name. */
  pending(uid: number): Outcomes | undefined {
    return this.#pending.get(uid);
  }

  /** One more order is written down; `false`: it cannot be. */
  writesDown(order: FlagOrder): boolean {
    if (!this.#orders.add(order)) return false;
    this.#count++;
    return true;
  }

  /** Shows one more that has been written down. */
  promise(promised: Promised): void {
    const { entries, outcomes } = promised;
    for (const [uid, entry] of entries) {
      this.#promised.set(uid, entry);
      this.#others.delete(uid);
      this.#gone.delete(uid);
    }
    for (const [uid, outcome] of outcomes) this.#pending.set(uid, outcome);
    this.#show(promised);
  }

  #show({ entries, modseq }: Promised): void {
    this.#modseq = modseq;
    this.#waitsUntilMs = performance.now() + ANSWER_MS;
    this.#folder.promise(entries, modseq);
  }

  /** Never rejects: the answer is given. */
  async run(): Promise<void> {
    const folder = this.#folder;
    const { log, stopped } = folder.site;
    let isWhole = false;
    try {
      while (this.#pending.size > 0) {
        await this.#answersFirst();
        await changing([folder], this.#due(), (uid) => this.#rename(uid), SLICE_MS);
      }
      isWhole = true;
    } catch (cause) {
      if (!stopped.aborted) {
        log.error({ mailbox: folder.path, cause: String(cause) }, "flags cannot be written now");
        for (const uid of this.#pending.keys()) this.#becameOther(uid);
      }
    }
    // From here on nothing goes along any more.
    folder.ahead = null;
    try {
      if (!folder.isGone) this.#tell();
    } catch (cause) {
      isWhole = false;
      log.error({ mailbox: folder.path, err: cause }, "changed flags cannot be shown");
    }
    if (isWhole) this.#orders.done();
    else this.#orders.leave();
  }

  async #answersFirst(): Promise<void> {
    const { mutex, site } = this.#folder;
    await nextTurn();
    while (performance.now() < this.#waitsUntilMs && !mutex.isAwaited && !site.stopped.aborted) await delay(LOOK_MS);
  }

  /** Until another answer goes first. */
  *#due(): Generator<number> {
    const waitsUntilMs = this.#waitsUntilMs;
    for (const uid of this.#pending.keys()) {
      if (this.#waitsUntilMs !== waitsUntilMs) return;
      yield uid;
    }
  }

  #rename(uid: number): void {
    const folder = this.#folder;
    folder.site.stopped.throwIfAborted();
    const [entry, outcomes] = [this.#promised.get(uid), this.#pending.get(uid)];
    if (!entry || !outcomes) return;
    const how = renameFlags(folder, entry.file, outcomes);
    this.#pending.delete(uid);
    if (how === "gone") this.#gone.add(uid);
    else if (!hasSameFlags(folder.flagsOf(entry.file.name), entry.flags)) this.#becameOther(uid);
  }

  #becameOther(uid: number): void {
    const entry = this.#promised.get(uid);
    if (entry) this.#others.set(uid, entry.file);
  }

  #tell(): void {
    const folder = this.#folder;
    const replaced = this.#promised;
    for (const unsaid of [this.#others, this.#gone, this.#pending])
      for (const uid of unsaid.keys()) replaced.delete(uid);
    folder.publish({ replaced, modseq: this.#modseq }, this.by);
    // Another process has registered something meanwhile, or there was more than one order: they have another modseq now.
    for (const [uid, entry] of replaced) {
      if (folder.snapshot.find(uid) === entry) continue;
      folder.emit(null);
      break;
    }
    const later = folder.modseq.next();
    const changed = new Map<number, Entry>();
    for (const [uid, file] of this.#others) changed.set(uid, new Entry(file, folder.flagsOf(file.name), later));
    if (changed.size > 0) folder.publish({ replaced: changed }, null);
    // So many renames take so long that others' changes easily stand behind them unseen.
    folder.distrust();
    folder.announce();
  }
}
