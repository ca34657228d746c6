/**
 * A mailbox as one session holds it. The folder behind it is shared; this keeps what is the session's own: the snapshot it
 * saw last, the messages it claimed as recent, its listeners.
 */

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
import { changesIn, type SurveyCache, storeError } from "postern/store";
import { changeFlags } from "./change-flags.ts";
import { entryOf, messageBytes, messageStream, type Range, type SurveyedMessage } from "./content.ts";
import { expungeMessages } from "./expunge.ts";
import type { Folder, FolderListener } from "./folder.ts";
import { MAX_KEYWORDS } from "./meta-fields.ts";
import type { MboxSnapshot } from "./snapshot.ts";
import { admit, tellCame, tellWent } from "./toll.ts";
import { copyMessages, moveMessages, type Transfer } from "./transfer.ts";

export class OpenMailbox implements Mailbox, FolderListener {
  readonly name: string;
  readonly uidValidity: number;
  readonly mailboxId: string;
  readonly isReadOnly: boolean;
  readonly recent = new Set<number>();
  readonly folder: Folder;
  snapshot: MboxSnapshot;
  readonly #claimsRecent: boolean;
  readonly #target: (name: string) => Folder;
  readonly #canonical: (name: string) => string;
  readonly #quota: AccountQuota | null;
  readonly #listeners = new Set<() => void>();
  #isTold = false;
  #isOpen = true;

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
    this.uidValidity = folder.state.uidValidity;
    this.mailboxId = folder.mailboxId;
    this.snapshot = folder.snapshot;
    folder.listeners.add(this);
  }

  get #index(): IndexedMailbox | null {
    return this.folder.index?.mailbox ?? null;
  }

  get keywords(): readonly string[] {
    return this.folder.state.keywords;
  }

  get canAddKeywords(): boolean {
    return !this.isReadOnly && this.keywords.length < MAX_KEYWORDS;
  }

  async sync(): Promise<MboxSnapshot> {
    return this.#guarded(async () => {
      await this.folder.sync();
      if (this.#claimsRecent && this.folder.state.fresh.size > 0) await this.#claimRecent();
      this.snapshot = this.folder.snapshot;
      return this.snapshot;
    });
  }

  /** RFC 3501 2.3.2: whoever writes that a message is old is the one session to see it as recent. */
  async #claimRecent(): Promise<void> {
    const { folder } = this;
    try {
      await folder.use(
        "exclusive",
        async (file) => {
          await folder.verify(file, folder.state.fresh);
          const fresh = [...folder.state.fresh];
          if (fresh.length === 0) return;
          const touched = await folder.alter(file, fresh, (message) => folder.wantedOf(message, { isOld: true }));
          folder.state.allOldUpTo(fresh.reduce((last, { uid }) => Math.max(last, uid), 0));
          await folder.commit(file.fd, { touched }, this);
          for (const { uid } of fresh) this.recent.add(uid);
        },
        this,
      );
    } catch (cause) {
      // Where nobody may write it stays new.
      if (!(cause instanceof StoreError) || cause.code !== "noPermission") throw cause;
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.folder.site.watcher.add(this.folder, [this.folder.path]);
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
      if (!this.#isOpen || !this.#hasNews()) return;
      for (const listener of this.#listeners) listener();
    });
  }

  #hasNews(): boolean {
    const { folder } = this;
    return folder.isGone || folder.snapshot !== this.snapshot || !folder.isCurrent;
  }

  async content(uid: number, range?: Range): Promise<Readable> {
    return this.#guarded(() => messageStream(this.folder, uid, range ?? null));
  }

  async bytes(uid: number, limitBytes: number): Promise<Buffer | null> {
    return this.#guarded(() => messageBytes(this.folder, uid, limitBytes));
  }

  structure(uid: number): Structure | Promise<Structure> {
    return this.#surveyed(uid, (surveys, message) => surveys.structure(message, this.#index));
  }

  overview(uid: number): MessageOverview | Promise<MessageOverview> {
    return this.#surveyed(uid, (surveys, message) => surveys.overview(message, this.#index));
  }

  gist(uid: number): MessageGist | Promise<MessageGist> {
    return this.#surveyed(uid, (surveys, message) => surveys.gist(message, this.#index));
  }

  #surveyed<T>(
    uid: number,
    ask: (surveys: SurveyCache<SurveyedMessage>, message: SurveyedMessage) => T | Promise<T>,
  ): T | Promise<T> {
    if (!this.#isOpen || !this.folder.snapshot.find(uid)) return this.#guarded(() => this.#refuse(uid));
    const found = ask(this.folder.site.surveys, { folder: this.folder, uid });
    return found instanceof Promise ? this.#guarded(() => found) : found;
  }

  #refuse(uid: number): never {
    entryOf(this.folder, uid);
    throw new StoreError("unavailable", "The mailbox has been closed");
  }

  async changesSince(modseq: number): Promise<MailboxChanges> {
    return this.#guarded(() =>
      changesIn(this.snapshot, modseq, (since, until) => this.#index?.vanished(since, until) ?? null),
    );
  }

  store(uids: readonly number[], change: FlagChange): Promise<{ readonly unchanged: readonly number[] }> {
    return this.#writing(() => changeFlags(this.folder, uids, { ...change, by: this }));
  }

  expunge(uids: readonly number[] | null): Promise<readonly number[]> {
    return this.#writing(async () => {
      const { uids: gone, sizes } = await expungeMessages(this.folder, uids, this);
      await tellWent(this.#quota, this.name, sizes);
      return gone;
    });
  }

  copy(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.#guarded(async () => {
      const mailbox = this.#canonical(target);
      const { result, sizes } = await copyMessages(this.#transfer(uids, target));
      await tellCame(this.#quota, mailbox, sizes);
      return result;
    });
  }

  move(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.#writing(async () => {
      const mailbox = this.#canonical(target);
      const { result, sizes } = await moveMessages(this.#transfer(uids, target), this);
      await tellWent(this.#quota, this.name, sizes);
      await tellCame(this.#quota, mailbox, sizes);
      return result;
    });
  }

  #transfer(uids: readonly number[], target: string): Transfer {
    const mailbox = this.#canonical(target);
    const isWithin = this.#quota !== null && this.#quota.ignores(this.name) === this.#quota.ignores(mailbox);
    return {
      ...{ from: this.folder, to: this.#target(target), uids, seen: this.snapshot },
      admit: (sizes, isMove) => (isMove && isWithin ? Promise.resolve() : admit(this.#quota, mailbox, sizes)),
    };
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
