/** A mailbox as one session holds it: what it asks of the folder that all sessions share. */

import { renameSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { MessageGist, MessageOverview, Structure } from "postern/mail";
import { type AccountQuota, type CopyResult, type FlagChange, type Mailbox, StoreError } from "postern/plugin";
import { errnoOf, MailboxSession } from "postern/store";
import { changeFlags } from "./change-flags.ts";
import { changing } from "./changing.ts";
import { messageBytes, messageStream, type Range } from "./content.ts";
import { expungeMessages } from "./expunge.ts";
import type { Folder } from "./folder.ts";
import type { MessageFile } from "./message-file.ts";
import type { Entry, MaildirSnapshot } from "./snapshot.ts";
import { negative, usageOfEntries } from "./toll.ts";
import { copyMessages, moveMessages } from "./transfer.ts";

export interface OpenHow {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly claimsRecent: boolean;
  readonly target: (name: string) => Folder;
  readonly canonical: (name: string) => string;
  readonly quota: AccountQuota | null;
}

export class OpenMailbox extends MailboxSession<Entry, Folder> implements Mailbox {
  readonly uidValidity: number;
  readonly mailboxId: string;
  readonly #target: (name: string) => Folder;
  readonly #canonical: (name: string) => string;
  readonly #quota: AccountQuota | null;
  /** What `store` answered before the disk had it: the next `sync` is to show that. */
  #ahead: MaildirSnapshot | null = null;

  constructor(folder: Folder, { target, canonical, quota, ...how }: OpenHow) {
    const { watcher, folders } = folder.site;
    const watched = [join(folder.path, "new"), join(folder.path, "cur")];
    super(folder, { ...how, watcher, watched, release: () => folders.release(folder) });
    this.#target = target;
    this.#canonical = canonical;
    this.#quota = quota;
    this.uidValidity = folder.uidlist.uidValidity;
    this.mailboxId = folder.uidlist.mailboxId;
  }

  get keywords(): readonly string[] {
    return this.folder.keywords.inUse;
  }

  get canAddKeywords(): boolean {
    return !this.isReadOnly && this.folder.keywords.canAdd;
  }

  async sync(): Promise<MaildirSnapshot> {
    return this.guarded(async () => {
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
    if (this.claimsRecent && this.folder.fresh.size > 0) {
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

  async content(uid: number, range?: Range): Promise<Readable> {
    return this.guarded(() => messageStream(this.#file(uid), range ?? null));
  }

  bytes(uid: number, limitBytes: number): Buffer | null | Promise<Buffer | null> {
    return this.atOnce(() => messageBytes(this.#file(uid), limitBytes));
  }

  structure(uid: number): Structure | Promise<Structure> {
    return this.atOnce(() => this.folder.site.surveys.structure(this.#file(uid), this.index));
  }

  overview(uid: number): MessageOverview | Promise<MessageOverview> {
    return this.atOnce(() => this.folder.site.surveys.overview(this.#file(uid), this.index));
  }

  gist(uid: number): MessageGist | Promise<MessageGist> {
    return this.atOnce(() => this.folder.site.surveys.gist(this.#file(uid), this.index));
  }

  knownGist(uid: number): MessageGist | null {
    const entry = this.folder.snapshot.find(uid);
    return entry ? this.folder.site.surveys.knownGist(entry.file, this.index) : null;
  }

  #file(uid: number): MessageFile {
    // A session may still read what others have removed from the list while the file is there.
    const entry = this.folder.snapshot.find(uid) ?? this.snapshot.find(uid);
    if (!entry) throw new StoreError("expunged", "The message is gone");
    return entry.file;
  }

  store(uids: readonly number[], change: FlagChange): Promise<{ readonly unchanged: readonly number[] }> {
    return this.writing(async () => {
      const { unchanged, ahead } = await changeFlags(this.folder, uids, change, this);
      this.#ahead = ahead;
      return { unchanged };
    });
  }

  expunge(uids: readonly number[] | null): Promise<readonly number[]> {
    return this.writing(async () => {
      const { snapshot } = this.folder;
      const removed = await expungeMessages(this.folder, uids, this);
      const find = (uid: number) => snapshot.find(uid) ?? this.snapshot.find(uid);
      if (this.#quota) await this.#quota.changed(this.name, negative(usageOfEntries(removed.map(find))));
      return removed;
    });
  }

  copy(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.guarded(async () => {
      const to = this.#target(target);
      const usage = this.#quota && usageOfEntries(uids.map((uid) => this.snapshot.find(uid)));
      if (usage) await this.#quota?.admit(this.#canonical(target), usage);
      const copied = await copyMessages({ from: this.folder, to, uids, seen: this.snapshot });
      if (usage) await this.#quota?.changed(this.#canonical(target), usage);
      return copied;
    });
  }

  move(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.writing(async () => {
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
}
