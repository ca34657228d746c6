/**
 * A mailbox as one session holds it, for stores that share what is behind it among sessions. What is the session's own stands here: the
 * snapshot that it saw last, the messages that it claimed as recent, its listeners. How it looks at the disk, and what it does there, is the
 * store's. Every fault leaves as a `StoreError`; a closed mailbox answers `unavailable`.
 */
import type { IndexedMailbox } from "../contracts/mailbox-index.ts";
import { type MailboxChanges, type MessageEntry, StoreError } from "../contracts/mailbox-store.ts";
import { changesIn } from "./changes.ts";
import { storeError } from "./errors.ts";
import type { ChunkedSnapshot } from "./snapshot.ts";
import type { MailboxWatcher, WatchedMailbox } from "./watcher.ts";

/** What a session hears about: somebody else published a change. */
export interface FolderListener {
  changed(): void;
}

/** What all sessions of a mailbox share. */
export interface SharedFolder<E extends MessageEntry> extends WatchedMailbox {
  /** What was this mailbox is none any more, or another. */
  readonly isGone: boolean;
  readonly snapshot: ChunkedSnapshot<E>;
  readonly listeners: Set<FolderListener>;
  /** `null`: there is none, or it is gone. */
  readonly index: { readonly mailbox: IndexedMailbox } | null;
}

export interface SessionWishes {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly claimsRecent: boolean;
  readonly watcher: MailboxWatcher;
  /** Of which an event may mean news. */
  readonly watched: readonly string[];
  /** The session is over. */
  readonly release: () => void;
}

export abstract class MailboxSession<E extends MessageEntry, F extends SharedFolder<E>> implements FolderListener {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly recent = new Set<number>();
  readonly folder: F;
  snapshot: ChunkedSnapshot<E>;
  protected readonly claimsRecent: boolean;
  readonly #wishes: Pick<SessionWishes, "watcher" | "watched" | "release">;
  readonly #listeners = new Set<() => void>();
  #isTold = false;
  #isOpen = true;

  /** The folder has been compared with the disk and is held for this session. */
  constructor(folder: F, { name, isReadOnly, claimsRecent, ...wishes }: SessionWishes) {
    this.folder = folder;
    this.name = name;
    this.isReadOnly = isReadOnly;
    this.claimsRecent = claimsRecent;
    this.#wishes = wishes;
    this.snapshot = folder.snapshot;
    folder.listeners.add(this);
  }

  protected get isOpen(): boolean {
    return this.#isOpen;
  }

  protected get index(): IndexedMailbox | null {
    return this.folder.index?.mailbox ?? null;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#wishes.watcher.add(this.folder, this.#wishes.watched);
    return () => {
      this.#listeners.delete(listener);
      this.#unwatch();
    };
  }

  #unwatch(): void {
    const isWatched = [...this.folder.listeners].some(
      (other) => other instanceof MailboxSession && other.#listeners.size > 0,
    );
    if (!isWatched) this.#wishes.watcher.remove(this.folder);
  }

  changed(): void {
    if (this.#isTold || this.#listeners.size === 0) return;
    this.#isTold = true;
    setImmediate(() => {
      this.#isTold = false;
      const { folder } = this;
      if (!this.#isOpen || (!folder.isGone && folder.snapshot === this.snapshot && folder.isCurrent)) return;
      for (const listener of this.#listeners) listener();
    });
  }

  async changesSince(modseq: number): Promise<MailboxChanges> {
    return this.guarded(() =>
      changesIn(this.snapshot, modseq, (since, until) => this.index?.vanished(since, until) ?? null),
    );
  }

  /** A value where there is one; never throws. */
  protected atOnce<T>(look: () => T | Promise<T>): T | Promise<T> {
    try {
      const found = this.#isOpen ? look() : this.guarded(look);
      return found instanceof Promise ? this.guarded(() => found) : found;
    } catch (cause) {
      return Promise.reject(storeError(cause));
    }
  }

  protected async writing<T>(work: () => Promise<T>): Promise<T> {
    return this.guarded(() => {
      if (this.isReadOnly) throw new StoreError("noPermission", "The mailbox is open for reading only");
      return work();
    });
  }

  protected async guarded<T>(work: () => T | Promise<T>): Promise<T> {
    if (!this.#isOpen) throw new StoreError("unavailable", "The mailbox has been closed");
    try {
      return await work();
    } catch (cause) {
      throw storeError(cause);
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#listeners.clear();
    this.folder.listeners.delete(this);
    this.#unwatch();
    this.#wishes.release();
  }
}
