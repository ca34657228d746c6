/** A mailbox as one session holds it: what it asks of the folder that all sessions share. */

import type { Readable } from "node:stream";
import type { MessageGist, MessageOverview, Structure } from "postern/mail";
import { type AccountQuota, type CopyResult, type FlagChange, type Mailbox, StoreError } from "postern/plugin";
import { MAX_KEYWORDS, MailboxSession, type SurveyCache } from "postern/store";
import { changeFlags } from "./change-flags.ts";
import { entryOf, messageBytes, messageStream, type Range, type SurveyedMessage } from "./content.ts";
import { expungeMessages } from "./expunge.ts";
import type { Folder } from "./folder.ts";
import type { Entry, MboxSnapshot } from "./snapshot.ts";
import { admit, tellCame, tellWent } from "./toll.ts";
import { copyMessages, moveMessages, type Transfer } from "./transfer.ts";

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

  constructor(folder: Folder, { target, canonical, quota, ...how }: OpenHow) {
    const { watcher, folders } = folder.site;
    super(folder, { ...how, watcher, watched: [folder.path], release: () => folders.release(folder) });
    this.#target = target;
    this.#canonical = canonical;
    this.#quota = quota;
    this.uidValidity = folder.state.uidValidity;
    this.mailboxId = folder.mailboxId;
  }

  get keywords(): readonly string[] {
    return this.folder.state.keywords;
  }

  get canAddKeywords(): boolean {
    return !this.isReadOnly && this.keywords.length < MAX_KEYWORDS;
  }

  async sync(): Promise<MboxSnapshot> {
    return this.guarded(async () => {
      await this.folder.sync();
      if (this.claimsRecent && this.folder.state.fresh.size > 0) await this.#claimRecent();
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

  async content(uid: number, range?: Range): Promise<Readable> {
    return this.guarded(() => messageStream(this.folder, uid, range ?? null));
  }

  async bytes(uid: number, limitBytes: number): Promise<Buffer | null> {
    return this.guarded(() => messageBytes(this.folder, uid, limitBytes));
  }

  structure(uid: number): Structure | Promise<Structure> {
    return this.#surveyed(uid, (surveys, message) => surveys.structure(message, this.index));
  }

  overview(uid: number): MessageOverview | Promise<MessageOverview> {
    return this.#surveyed(uid, (surveys, message) => surveys.overview(message, this.index));
  }

  gist(uid: number): MessageGist | Promise<MessageGist> {
    return this.#surveyed(uid, (surveys, message) => surveys.gist(message, this.index));
  }

  knownGist(uid: number): MessageGist | null {
    const { folder } = this;
    return folder.snapshot.find(uid) ? folder.site.surveys.knownGist({ folder, uid }, this.index) : null;
  }

  #surveyed<T>(
    uid: number,
    ask: (surveys: SurveyCache<SurveyedMessage>, message: SurveyedMessage) => T | Promise<T>,
  ): T | Promise<T> {
    const { folder } = this;
    return this.atOnce(() => ask(folder.site.surveys, { folder, uid: entryOf(folder, uid).uid }));
  }

  store(uids: readonly number[], change: FlagChange): Promise<{ readonly unchanged: readonly number[] }> {
    return this.writing(() => changeFlags(this.folder, uids, { ...change, by: this }));
  }

  expunge(uids: readonly number[] | null): Promise<readonly number[]> {
    return this.writing(async () => {
      const { uids: gone, sizes } = await expungeMessages(this.folder, uids, this);
      await tellWent(this.#quota, this.name, sizes);
      return gone;
    });
  }

  copy(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.guarded(async () => {
      const mailbox = this.#canonical(target);
      const { result, sizes } = await copyMessages(this.#transfer(uids, target));
      await tellCame(this.#quota, mailbox, sizes);
      return result;
    });
  }

  move(uids: readonly number[], target: string): Promise<CopyResult> {
    return this.writing(async () => {
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
}
