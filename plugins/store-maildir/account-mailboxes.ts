/** Everything one account owns, under one Maildir. Every fault leaves as a `StoreError`. */
import { join } from "node:path";
import {
  type AccountMailboxes,
  type AccountQuota,
  type Annotations,
  type Defect,
  type Mailbox,
  type MailboxListing,
  type MailboxNotes,
  type MailboxStatus,
  type NewMessage,
  type QuotaState,
  type SpecialUse,
  StoreError,
  type UniqueIds,
} from "postern/plugin";
import {
  type AnnotatedPlace,
  annotationLimits,
  annotationsIn,
  changeAnnotations,
  errnoOf,
  giveSpecialUse,
  storeError,
} from "postern/store";
import { appendMessages } from "./append.ts";
import { cleanTmp } from "./clean-tmp.ts";
import { deliverMessage } from "./deliver.ts";
import type { Folder, FolderPlace } from "./folder.ts";
import { createMailbox, deleteMailbox, listMailboxes, makeInbox, makeMailbox, renameMailbox } from "./hierarchy.ts";
import { inspectMailbox } from "./inspect.ts";
import { inspectQuota } from "./inspect-quota.ts";
import type { MailboxTree } from "./mailbox-tree.ts";
import { lockMaildrop } from "./maildrop.ts";
import { maildirNotes } from "./notes.ts";
import { OpenMailbox } from "./open-mailbox.ts";
import type { Site } from "./site.ts";
import { changeSubscription, subscribedIn } from "./subscriptions.ts";
import { takeUids } from "./take-uids.ts";
import { negative, Toll } from "./toll.ts";
import { uniqueIdsOf } from "./unique-ids.ts";
import { usageOf, usageOfAll } from "./usage.ts";

export class MaildirAccount implements AccountMailboxes {
  readonly separator = "/";
  readonly annotationLimits = annotationLimits;
  readonly notes: MailboxNotes;
  readonly #tree: MailboxTree;
  readonly #root: string;
  readonly #site: Site;
  readonly #usualUses: Readonly<Record<string, string>>;

  readonly #quota: AccountQuota | null;

  constructor(
    tree: MailboxTree,
    site: Site,
    of: { readonly usualUses: Readonly<Record<string, string>>; readonly quota: AccountQuota | null },
  ) {
    this.#tree = tree;
    this.#root = tree.root;
    this.#site = site;
    this.#usualUses = of.usualUses;
    this.#quota = of.quota;
    this.notes = maildirNotes(tree, site);
  }

  #place(name: string): FolderPlace {
    return { root: this.#root, path: this.#tree.pathOf(this.#tree.canonical(name)) };
  }

  /** INBOX is made when somebody asks for it; others must be there. */
  #folder(name: string): Folder {
    const place = this.#place(name);
    const known = this.#site.folders.current(place.path);
    if (known || place.path !== this.#root) cleanTmp(place.path, this.#site.clock.now());
    else makeInbox(this.#root, this.#site.clock.now());
    return known ?? this.#site.folders.at(place, this.#site);
  }

  list(): Promise<readonly MailboxListing[]> {
    return this.#guarded(() => {
      makeInbox(this.#root, this.#site.clock.now());
      return listMailboxes(this.#tree, this.#site, this.#usualUses);
    });
  }

  subscriptions(): Promise<readonly string[]> {
    return this.#guarded(() => subscribedIn(this.#tree));
  }

  onNames(listener: () => void): () => void {
    return this.#site.names.add(this.#tree.holders(), (entry) => this.#tree.mayName(entry), listener);
  }

  subscribe(name: string): Promise<void> {
    return this.#subscription(name, true);
  }

  unsubscribe(name: string): Promise<void> {
    return this.#subscription(name, false);
  }

  #subscription(name: string, isSubscribed: boolean): Promise<void> {
    return this.#guarded(async () => {
      const canonical = this.#tree.canonical(name);
      this.#tree.newPathOf(canonical);
      makeInbox(this.#root, this.#site.clock.now());
      await changeSubscription(this.#tree, canonical, isSubscribed);
    });
  }

  create(name: string, specialUse?: SpecialUse): Promise<void> {
    return this.#guarded(async () => {
      const canonical = this.#tree.canonical(name);
      makeInbox(this.#root, this.#site.clock.now());
      if (specialUse === undefined) return createMailbox(this.#tree, canonical);
      if (this.#tree.exists(canonical)) throw new StoreError("alreadyExists", "The mailbox is there already");
      this.#tree.newPathOf(canonical);
      await giveSpecialUse(this.#tree.specialUses, canonical, specialUse);
      createMailbox(this.#tree, canonical);
    });
  }

  setSpecialUse(name: string, use: SpecialUse | null): Promise<void> {
    return this.#guarded(async () => {
      const canonical = this.#tree.canonical(name);
      if (!this.#tree.exists(canonical)) throw new StoreError("nonexistent", "There is no such mailbox");
      await giveSpecialUse(this.#tree.specialUses, canonical, use);
    });
  }

  annotations(name: string | null): Promise<Annotations> {
    return this.#guarded(() => annotationsIn(this.#annotated(name)));
  }

  annotate(name: string | null, entries: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    return this.#guarded(() => changeAnnotations(this.#annotated(name), entries));
  }

  #annotated(name: string | null): AnnotatedPlace {
    makeInbox(this.#root, this.#site.clock.now());
    if (name === null) return { file: join(this.#root, "postern-server-annotations"), isServer: true };
    const place = this.#place(name);
    this.#site.folders.check(place);
    return { file: join(place.path, "postern-annotations"), isServer: false };
  }

  delete(name: string): Promise<void> {
    return this.#guarded(async () => {
      const canonical = this.#tree.canonical(name);
      const usage = this.#quota && (await usageOf(this.#place(canonical).path));
      await deleteMailbox(this.#tree, canonical, this.#site);
      if (usage) await this.#quota?.changed(canonical, negative(usage));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#guarded(async () => {
      const [source, target] = [this.#tree.canonical(from), this.#tree.canonical(to)];
      makeInbox(this.#root, this.#site.clock.now());
      if (source !== "INBOX") {
        await renameMailbox(this.#tree, { from: source, to: target }, this.#site);
        // Children go along: any of them may count now, or not any more.
        if (this.#quota && this.#quota.ignores(source) !== this.#quota.ignores(target)) {
          await this.#quota.state({ recount: true });
        }
        return;
      }
      // RFC 3501 6.3.5: INBOX stays, its messages go; children of INBOX are not affected.
      createMailbox(this.#tree, target);
      const inbox = await this.open("INBOX");
      try {
        const snapshot = await inbox.sync();
        const uids = Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
        await inbox.move(uids, target);
      } finally {
        await inbox.close();
      }
    });
  }

  status(name: string): Promise<MailboxStatus> {
    return this.#guarded(async () => {
      const folder = this.#folder(name);
      const snapshot = await folder.sync();
      return {
        messages: snapshot.size,
        recent: folder.fresh.size,
        unseen: snapshot.unseen,
        uidNext: snapshot.uidNext,
        uidValidity: folder.uidlist.uidValidity,
        highestModseq: snapshot.highestModseq,
        mailboxId: folder.uidlist.mailboxId,
        /** Counted when somebody looks: for foreign files that means reading them. */
        get sizeBytes() {
          return snapshot.sizeBytes;
        },
      };
    });
  }

  open(
    name: string,
    {
      isReadOnly = false,
      claimsRecent = true,
    }: { readonly isReadOnly?: boolean; readonly claimsRecent?: boolean } = {},
  ): Promise<Mailbox> {
    return this.#guarded(async () => {
      const folder = this.#folder(name);
      this.#site.folders.hold(folder);
      try {
        const found = await folder.sync();
        const mailbox = new OpenMailbox(folder, {
          name: this.#tree.canonical(name),
          isReadOnly,
          claimsRecent: claimsRecent && !isReadOnly,
          target: (target) => this.#folder(target),
          canonical: (target) => this.#tree.canonical(target),
          quota: this.#quota,
        });
        await mailbox.show(found);
        return mailbox;
      } catch (cause) {
        this.#site.folders.release(folder);
        throw cause;
      }
    });
  }

  append(
    name: string,
    messages: readonly NewMessage[] | AsyncIterable<NewMessage>,
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
    return this.#guarded(async () => {
      const folder = this.#folder(name);
      const toll = this.#quota && (await Toll.ask(this.#quota, this.#tree.canonical(name), messages));
      const appended = await appendMessages(folder, messages, toll);
      await toll?.paid();
      return appended;
    });
  }

  deliver(name: string, message: NewMessage, how: { readonly create?: boolean } = {}): Promise<void> {
    return this.#guarded(async () => {
      const place = this.#place(name);
      const toll = this.#quota && (await Toll.ask(this.#quota, this.#tree.canonical(name), [message]));
      const by = { site: this.#site, toll };
      try {
        this.#site.folders.check(place);
        await deliverMessage(place, message, by);
      } catch (cause) {
        const isMissing = errnoOf(cause) === "nonexistent" || isMissingFile(cause);
        if (!isMissing || !(place.path === this.#root || how.create)) throw isMissing ? missing(cause) : cause;
        if (!Array.isArray(message.content) && isUsed(message)) throw cause;
        this.#site.folders.retire(place.path);
        makeInbox(this.#root, this.#site.clock.now());
        if (place.path !== this.#root) makeMailbox(this.#tree, this.#tree.canonical(name));
        this.#site.folders.check(place);
        await deliverMessage(place, message, by);
      }
    });
  }

  lockMaildrop(): Promise<{ release(): Promise<void> } | null> {
    return this.#guarded(() => {
      makeInbox(this.#root, this.#site.clock.now());
      return lockMaildrop(this.#root);
    });
  }

  uniqueIds(mailbox: Mailbox): Promise<UniqueIds> {
    return this.#guarded(() => {
      if (!(mailbox instanceof OpenMailbox)) throw new TypeError("a mailbox of another store");
      return uniqueIdsOf(mailbox.snapshot, mailbox.folder.uidlist, this.#site.uniqueIds);
    });
  }

  quota(how?: { readonly of: string }): Promise<QuotaState | null>;
  quota(how: { readonly recount: true }): Promise<QuotaState>;
  quota(how: { readonly recount?: boolean; readonly of?: string } = {}): Promise<QuotaState | null> {
    return this.#guarded(async () => {
      if (how.of !== undefined && this.#quota?.ignores(this.#tree.canonical(how.of))) return null;
      if (!this.#quota && !how.recount) return null;
      makeInbox(this.#root, this.#site.clock.now());
      if (this.#quota) return this.#quota.state(how);
      const hard = { bytes: null, messages: null };
      const usage = await usageOfAll(this.#tree, () => false);
      return { usage, hard, soft: hard, isOverSoft: false, isFull: false };
    });
  }

  inspect(name: string, how: { readonly repair: boolean }): Promise<readonly Defect[]> {
    return this.#guarded(async () => {
      const place = this.#place(name);
      const defects = await inspectMailbox(place, how, this.#site);
      const isInbox = this.#tree.canonical(name) === "INBOX";
      return isInbox && this.#quota ? [...defects, ...(await inspectQuota(this.#tree, this.#quota, how))] : defects;
    });
  }

  takeUids(name: string, from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean> {
    return this.#guarded(() => takeUids(this.#folder(name), from));
  }

  async #guarded<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof TypeError ? cause : storeError(cause);
    }
  }
}

const missing = (cause: unknown): StoreError => new StoreError("nonexistent", "There is no such mailbox", { cause });

const isMissingFile = (cause: unknown): boolean =>
  errnoOf(cause) === "ENOENT" || (cause instanceof Error && errnoOf(cause.cause) === "ENOENT");

/** What has been read from, or may have been, cannot be read again. */
const isUsed = (message: NewMessage): boolean =>
  !("readableDidRead" in message.content) || message.content.readableDidRead === true;
