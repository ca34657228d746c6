/** Everything one account owns, under one Maildir. Every fault leaves as a `StoreError`. */
import { join } from "node:path";
import {
  type AccountMailboxes,
  type AccountQuota,
  type Defect,
  type Mailbox,
  type MailboxListing,
  type MailboxNotes,
  type MailboxStatus,
  type NewMessage,
  type OpenOptions,
  type SpecialUse,
  StoreError,
  type UniqueIds,
  type Usage,
} from "postern/plugin";
import { AccountInFiles, type AnnotatedPlace, errnoOf, giveSpecialUse } from "postern/store";
import { appendMessages } from "./append.ts";
import { cleanTmp } from "./clean-tmp.ts";
import { deliverMessage } from "./deliver.ts";
import type { Folder, FolderPlace } from "./folder.ts";
import { FollowedSize } from "./followed-size.ts";
import { createMailbox, deleteMailbox, listMailboxes, makeInbox, makeMailbox, renameMailbox } from "./hierarchy.ts";
import { inspectMailbox } from "./inspect.ts";
import { inspectQuota } from "./inspect-quota.ts";
import { inspectTwins } from "./inspect-twins.ts";
import type { MailboxTree } from "./mailbox-tree.ts";
import { lockMaildrop, uniqueIdsIn } from "./maildrop.ts";
import { maildirNotes } from "./notes.ts";
import { OpenMailbox } from "./open-mailbox.ts";
import type { Site } from "./site.ts";
import { changeSubscription, subscribedIn } from "./subscriptions.ts";
import { takeUids } from "./take-uids.ts";
import { negative, Toll } from "./toll.ts";
import { usageOf, usageOfAll } from "./usage.ts";

export class MaildirAccount extends AccountInFiles implements AccountMailboxes {
  readonly notes: MailboxNotes;
  readonly #tree: MailboxTree;
  readonly #root: string;
  readonly #site: Site;
  readonly #usualUses: Readonly<Record<string, string>>;
  readonly #followed: FollowedSize;

  constructor(
    tree: MailboxTree,
    site: Site,
    of: { readonly usualUses: Readonly<Record<string, string>>; readonly quota: AccountQuota | null },
  ) {
    super(of.quota);
    this.#followed = new FollowedSize(tree);
    this.#tree = tree;
    this.#root = tree.root;
    this.#site = site;
    this.#usualUses = of.usualUses;
    this.notes = maildirNotes(tree, site);
  }

  /** Told of what changes; `null`: nobody counts. */
  get #counted(): AccountQuota | null {
    return this.limit ?? (this.#followed.isThere ? this.#followed : null);
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
    return this.guarded(() => {
      makeInbox(this.#root, this.#site.clock.now());
      return listMailboxes(this.#tree, this.#site, this.#usualUses);
    });
  }

  subscriptions(): Promise<readonly string[]> {
    return this.guarded(() => subscribedIn(this.#tree));
  }

  onNames(listener: () => void): () => void {
    return this.#site.names.add(this.#tree, listener);
  }

  subscribe(name: string): Promise<void> {
    return this.#subscription(name, true);
  }

  unsubscribe(name: string): Promise<void> {
    return this.#subscription(name, false);
  }

  #subscription(name: string, isSubscribed: boolean): Promise<void> {
    return this.guarded(async () => {
      const canonical = this.#tree.canonical(name);
      this.#tree.newPathOf(canonical);
      makeInbox(this.#root, this.#site.clock.now());
      await changeSubscription(this.#tree, canonical, isSubscribed);
    });
  }

  create(name: string, specialUse?: SpecialUse): Promise<void> {
    return this.guarded(async () => {
      const canonical = this.#tree.canonical(name);
      makeInbox(this.#root, this.#site.clock.now());
      if (specialUse === undefined) return createMailbox(this.#tree, canonical);
      if (this.#tree.exists(canonical)) throw new StoreError("alreadyExists", "The mailbox is there already");
      this.#tree.newPathOf(canonical);
      await giveSpecialUse(this.#tree.specialUses, canonical, specialUse);
      createMailbox(this.#tree, canonical);
    });
  }

  protected canonical(name: string): string {
    return this.#tree.canonical(name);
  }

  protected exists(canonical: string): boolean {
    return this.#tree.exists(canonical);
  }

  protected make(canonical: string): void {
    createMailbox(this.#tree, canonical);
  }

  protected override prepare(): void {
    makeInbox(this.#root, this.#site.clock.now());
  }

  protected usage(): Promise<Usage> {
    return usageOfAll(this.#tree, () => false);
  }

  protected specialUses(): string {
    return this.#tree.specialUses;
  }

  protected annotated(name: string | null): AnnotatedPlace {
    makeInbox(this.#root, this.#site.clock.now());
    if (name === null) return { file: join(this.#root, "postern-server-annotations"), isServer: true };
    const place = this.#place(name);
    this.#site.folders.check(place);
    return { file: join(place.path, "postern-annotations"), isServer: false };
  }

  delete(name: string): Promise<void> {
    return this.guarded(async () => {
      const canonical = this.#tree.canonical(name);
      const counted = this.#counted;
      const usage = counted && (await usageOf(this.#place(canonical).path));
      await deleteMailbox(this.#tree, canonical, this.#site);
      if (usage) await counted?.changed(canonical, negative(usage));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.guarded(async () => {
      const [source, target] = [this.#tree.canonical(from), this.#tree.canonical(to)];
      makeInbox(this.#root, this.#site.clock.now());
      if (source === "INBOX") return this.renameInbox(target);
      await renameMailbox(this.#tree, { from: source, to: target }, this.#site);
      await this.recountBetween(source, target);
    });
  }

  status(name: string): Promise<MailboxStatus> {
    return this.guarded(async () => {
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

  open(name: string, { isReadOnly = false, claimsRecent = true }: OpenOptions = {}): Promise<Mailbox> {
    return this.guarded(async () => {
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
          quota: this.#counted,
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
    return this.guarded(async () => {
      const folder = this.#folder(name);
      const counted = this.#counted;
      const toll = counted && (await Toll.ask(counted, this.#tree.canonical(name), messages));
      const appended = await appendMessages(folder, messages, toll);
      await toll?.paid();
      return appended;
    });
  }

  deliver(name: string, message: NewMessage, how: { readonly create?: boolean } = {}): Promise<void> {
    return this.guarded(async () => {
      const place = this.#place(name);
      const counted = this.#counted;
      const toll = counted && (await Toll.ask(counted, this.#tree.canonical(name), [message]));
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
    return this.guarded(() => {
      makeInbox(this.#root, this.#site.clock.now());
      return lockMaildrop(this.#root);
    });
  }

  uniqueIds(mailbox: Mailbox): Promise<UniqueIds> {
    return this.guarded(() => {
      if (!(mailbox instanceof OpenMailbox)) throw new TypeError("a mailbox of another store");
      return uniqueIdsIn(mailbox.snapshot, mailbox.folder.uidlist, this.#site.uniqueIds);
    });
  }

  inspect(name: string, how: { readonly repair: boolean }): Promise<readonly Defect[]> {
    return this.guarded(async () => {
      const place = this.#place(name);
      const defects = await inspectMailbox(place, how, this.#site);
      const canonical = this.#tree.canonical(name);
      const twins = inspectTwins(this.#tree, canonical, how);
      const counts = canonical === "INBOX" && this.limit ? await inspectQuota(this.#tree, this.limit, how) : [];
      return [...defects, ...twins, ...counts];
    });
  }

  takeUids(name: string, from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean> {
    return this.guarded(() => takeUids(this.#folder(name), from));
  }
}

const missing = (cause: unknown): StoreError => new StoreError("nonexistent", "There is no such mailbox", { cause });

const isMissingFile = (cause: unknown): boolean =>
  errnoOf(cause) === "ENOENT" || (cause instanceof Error && errnoOf(cause.cause) === "ENOENT");

/** What has been read from, or may have been, cannot be read again. */
const isUsed = (message: NewMessage): boolean =>
  !("readableDidRead" in message.content) || message.content.readableDidRead === true;
