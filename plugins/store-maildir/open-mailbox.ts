/**
 * A mailbox as one session holds it. The folder behind it is shared; this keeps what is the session's own: the snapshot it
 * saw last, the messages it claimed as recent, its listeners.
 */

import { renameSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { MessageGist, MessageOverview, Structure } from "postern/mail";
import {
  type AccountQuota,
  type CopyResult,
  type FlagChange,
  type IndexedMailbox,
  type Mailbox,
  type MailboxChanges,
  StoreError,
} from "postern/plugin";
import { changesIn, errnoOf, storeError } from "postern/store";
import { changeFlags } from "./change-flags.ts";
import { changing } from "./changing.ts";
import { messageBytes, messageStream, type Range } from "./content.ts";
import { expungeMessages } from "./expunge.ts";
import type { Folder, FolderListener } from "./folder.ts";
import type { MessageFile } from "./message-file.ts";
import type { MaildirSnapshot } from "./snapshot.ts";
import { negative, usageOfEntries } from "./toll.ts";
import { copyMessages, moveMessages } from "./transfer.ts";

export class OpenMailbox implements Mailbox, FolderListener {
  readonly name: string;
  readonly uidValidity: number;
  readonly mailboxId: string;
  readonly isReadOnly: boolean;
  readonly recent = new Set<number>();
  readonly folder: Folder;
  snapshot: MaildirSnapshot;
  readonly #claimsRecent: boolean;
  readonly #target: (name: string) => Folder;
  readonly #canonical: (name: string) => string;
  readonly #quota: AccountQuota | null;
  readonly #listeners = new Set<() => void>();
  #isTold = false;
  #isOpen = true;
  /** What `store` answered before the disk had it: the next `sync` is to show that. */
  #ahead: MaildirSnapshot | null = null;

  /** The folder has been compared with the disk and is held for this session. */
  constructor(
    folder: Folder,
    how: {
      readonly name: string;
      readonly isReadOnly: boolean;
      readonly claimsRecent: boolean;
      readonly target: (name: string) => Folder;
      readonly canonical: (name: string) => string;
      readonly quota: AccountQuota | null;
    },
  ) {
    this.folder = folder;
    this.name = how.name;
    this.isReadOnly = how.isReadOnly;
    this.#claimsRecent = how.claimsRecent;
    this.#target = how.target;
    this.#canonical = how.canonical;
    this.#quota = how.quota;
    this.uidValidity = folder.uidlist.uidValidity;
    this.mailboxId = folder.uidlist.mailboxId;
    this.snapshot = folder.snapshot;
    folder.listeners.add(this);
  }

  get keywords(): readonly string[] {
    return this.folder.keywords.inUse;
  }

  get canAddKeywords(): boolean {
    return !this.isReadOnly && this.folder.keywords.canAdd;
  }

  async sync(): Promise<MaildirSnapshot> {
    return this.#guarded(async () => {
      const ahead = this.#ahead;
      this.#ahead = null;
      if (ahead !== null && ahead === this.folder.snapshot) {
        this.snapshot = ahead;
        return ahead;
      }
      return this.show(await this.folder.sync());
    });
  }

  /** What a comparison has found, with what is recent in it claimed for this session. */
  async show(found: MaildirSnapshot): Promise<MaildirSnapshot> {
    this.snapshot = found;
    if (this.#claimsRecent && this.folder.fresh.size > 0) {
      await this.folder.mutex.run(async () => {
        await this.#claimRecent();
        this.snapshot = this.folder.snapshot;
      });
    }
    return this.snapshot;
  }

  /** RFC 3501 2.3.2: whoever moves a message out of new/ is the one session to see it as recent. */
  async #claimRecent(): Promise<void> {
    const { folder } = this;
    await changing([folder], [...folder.fresh], (file) => {
      const name = file.name.includes(":") ? file.name : `${file.name}:2,`;
      try {
        renameSync(file.path, join(folder.path, "cur", name));
        folder.place(file, "cur", name);
        this.recent.add(file.uid);
      } catch (cause) {
        folder.distrust();
        folder.fresh.delete(file);
        // Another session was faster, or nobody may write here: then it stays new.
        if (!["ENOENT", "EACCES", "EPERM", "EROFS"].includes(errnoOf(cause))) throw cause;
      }
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    const { folder } = this;
    folder.site.watcher.add(folder, [join(folder.path, "new"), join(folder.path, "cur")]);
    return () => {
      this.#listeners.delete(listener);
      this.#unwatch();
    };
  }

  #unwatch(): void {
    const isWatched = [...this.folder.listeners].some(
      (other) => other instanceof OpenMailbox && other.#listeners.size > 0,
    );
    if (!isWatched) this.folder.site.watcher.remove(this.folder);
  }

  changed(): void {
    if (this.#isTold || this.#listeners.size === 0) return;
    this.#isTold = true;
    setImmediate(() => {
      this.#isTold = false;
      const { folder } = this;
      if (!this.#isOpen || !(folder.isGone || folder.snapshot !== this.snapshot || folder.isBehind)) return;
      for (const listener of this.#listeners) listener();
    });
  }

  async content(uid: number, range?: Range): Promise<Readable> {
    return this.#guarded(() => messageStream(this.#file(uid), range ?? null));
  }

  bytes(uid: number, limitBytes: number): Buffer | null | Promise<Buffer | null> {
    return this.#atOnce(() => messageBytes(this.#file(uid), limitBytes));
  }

  structure(uid: number): Structure | Promise<Structure> {
    return this.#atOnce(() => this.folder.site.surveys.structure(this.#file(uid), this.#index));
  }

  overview(uid: number): MessageOverview | Promise<MessageOverview> {
    return this.#atOnce(() => this.folder.site.surveys.overview(this.#file(uid), this.#index));
  }

  gist(uid: number): MessageGist | Promise<MessageGist> {
    return this.#atOnce(() => this.folder.site.surveys.gist(this.#file(uid), this.#index));
  }

  knownGist(uid: number): MessageGist | null {
    const entry = this.folder.snapshot.find(uid);
    return entry ? this.folder.site.surveys.knownGist(entry.file, this.#index) : null;
  }

  get #index(): IndexedMailbox | null {
    return this.folder.index?.mailbox ?? null;
  }

  /** A value where there is one; never throws. */
  #atOnce<T>(look: () => T | Promise<T>): T | Promise<T> {
    try {
      const found = this.#isOpen ? look() : this.#guarded(look);
      return found instanceof Promise ? this.#guarded(() => found) : found;
    } catch (cause) {
      return Promise.reject(storeError(cause));
    }
  }

  async changesSince(modseq: number): Promise<MailboxChanges> {
    return this.#guarded(() =>
      changesIn(this.snapshot, modseq, (since, until) => this.folder.index?.mailbox.vanished(since, until) ?? null),
    );
  }

  #file(uid: number): MessageFile {
    // A session may still read what others have removed from the list while the file is there.
    const entry = this.folder.snapshot.find(uid) ?? this.snapshot.find(uid);
    if (!entry) throw new StoreError("expunged", "The message is gone");
    return entry.file;
  }

  store(uids: readonly number[], change: FlagChange): Promise<{ readonly unchanged: readonly number[] }> {
    return this.#writing(async () => {
      const { unchanged, ahead } = await changeFlags(this.folder, uids, change, this);
      this.#ahead = ahead;
      return { unchanged };
    });
  }

  expunge(uids: readonly number[] | null): Promise<readonly number[]> {
    return this.#writing(async () => {
      const { snapshot } = this.folder;
      const removed = await expungeMessages(this.folder, uids, this);
      const find = (uid: number) => snapshot.find(uid) ?? this.snapshot.find(uid);
      if (this.#quota) await this.#quota.changed(this.name, negative(usageOfEntries(removed.map(find))));
      return removed;
    });
  }

  copy(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.#guarded(async () => {
      const to = this.#target(target);
      const usage = this.#quota && usageOfEntries(uids.map((uid) => this.snapshot.find(uid)));
      if (usage) await this.#quota?.admit(this.#canonical(target), usage);
      const copied = await copyMessages({ from: this.folder, to, uids, seen: this.snapshot });
      if (usage) await this.#quota?.changed(this.#canonical(target), usage);
      return copied;
    });
  }

  move(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.#writing(async () => {
      const name = this.#canonical(target);
      const to = this.#target(target);
      // Within what counts, or what does not, nothing is added.
      const isSame = this.#quota === null || this.#quota.ignores(this.name) === this.#quota.ignores(name);
      const usage = isSame ? null : usageOfEntries(uids.map((uid) => this.snapshot.find(uid)));
      if (usage) await this.#quota?.admit(name, usage);
      const moved = await moveMessages({ from: this.folder, to, uids, seen: this.snapshot }, this);
      if (usage) {
        await this.#quota?.changed(this.name, negative(usage));
        await this.#quota?.changed(name, usage);
      }
      return moved;
    });
  }

  async #writing<T>(work: () => Promise<T>): Promise<T> {
    return this.#guarded(() => {
      if (this.isReadOnly) throw new StoreError("noPermission", "The mailbox is open for reading only");
      return work();
    });
  }

  async #guarded<T>(work: () => T | Promise<T>): Promise<T> {
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
    this.folder.site.folders.release(this.folder);
  }
}
