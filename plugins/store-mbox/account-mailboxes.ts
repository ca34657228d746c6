/** Everything one account owns, as mboxes. Every fault leaves as a `StoreError`. */

import { mkdirSync } from "node:fs";
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
import {
  AccountInFiles,
  type AnnotatedPlace,
  attempt,
  canonicalFlags,
  errnoOf,
  giveSpecialUse,
  moveSpecialUses,
} from "postern/store";
import { contentOf } from "./append.ts";
import { appendMessages, deliverSpooled } from "./deliver.ts";
import type { Folder, FolderPlace } from "./folder.ts";
import {
  createMailbox,
  deleteMailbox,
  exists,
  type Home,
  listMailboxes,
  makeInbox,
  makeMailbox,
  placeOfName,
  renameMailbox,
} from "./hierarchy.ts";
import { inspectMailbox } from "./inspect.ts";
import { canonicalName, controlRoot, specialUsesOf } from "./mailbox-name.ts";
import { lockMaildrop, uniqueIdsIn } from "./maildrop.ts";
import { namesOfOthers } from "./names-of-others.ts";
import { mboxNotes } from "./notes.ts";
import { OpenMailbox } from "./open-mailbox.ts";
import type { Site } from "./site.ts";
import { Spooled } from "./spool.ts";
import { changeSubscription, subscribedIn } from "./subscriptions.ts";
import { takeUids } from "./take-uids.ts";
import { usageOfAll } from "./usage.ts";

export class MboxAccount extends AccountInFiles implements AccountMailboxes {
  readonly notes: MailboxNotes;
  readonly #home: Home;
  readonly #site: Site;
  readonly #usualUses: Readonly<Record<string, string>>;
  constructor(
    home: Home,
    site: Site,
    of: { readonly usualUses: Readonly<Record<string, string>>; readonly quota: AccountQuota | null },
  ) {
    super(of.quota);
    this.#home = home;
    this.#site = site;
    this.#usualUses = of.usualUses;
    this.notes = mboxNotes(home);
  }

  #place(name: string): FolderPlace {
    return placeOfName(this.#home, canonicalName(name));
  }

  /** INBOX is made when somebody asks for it; others must be there. */
  #folder(name: string): Folder {
    const canonical = canonicalName(name);
    if (canonical === "INBOX") makeInbox(this.#home, this.#site);
    return this.#site.folders.at(placeOfName(this.#home, canonical), this.#site);
  }

  list(): Promise<readonly MailboxListing[]> {
    return this.guarded(() => {
      makeInbox(this.#home, this.#site);
      return listMailboxes(this.#home, this.#usualUses);
    });
  }

  subscriptions(): Promise<readonly string[]> {
    return this.guarded(() => subscribedIn(this.#home.root));
  }

  onNames(listener: () => void): () => void {
    // What is not there cannot be watched.
    attempt(() => makeDirectory(this.#home.root));
    return this.#site.names.add(namesOfOthers(this.#home.root), listener);
  }

  subscribe(name: string): Promise<void> {
    return this.guarded(() => changeSubscription(this.#home.root, canonicalName(name), true));
  }

  unsubscribe(name: string): Promise<void> {
    return this.guarded(() => changeSubscription(this.#home.root, canonicalName(name), false));
  }

  create(name: string, specialUse?: SpecialUse): Promise<void> {
    return this.guarded(async () => {
      const canonical = canonicalName(name);
      if (exists(this.#home, canonical)) throw new StoreError("alreadyExists", "The mailbox is there already");
      if (specialUse !== undefined) await giveSpecialUse(this.specialUses(), canonical, specialUse);
      await createMailbox(this.#home, canonical, this.#site);
    });
  }

  protected canonical(name: string): string {
    return canonicalName(name);
  }

  protected exists(canonical: string): boolean {
    return exists(this.#home, canonical);
  }

  protected make(canonical: string): Promise<void> {
    return createMailbox(this.#home, canonical, this.#site);
  }

  protected usage(): Promise<Usage> {
    return usageOfAll(this.#home, this.#site, () => false);
  }

  protected specialUses(): string {
    makeDirectory(controlRoot(this.#home.root));
    return specialUsesOf(this.#home.root);
  }

  protected annotated(name: string | null): AnnotatedPlace {
    const directory = name === null ? controlRoot(this.#home.root) : this.#folder(name).place.control;
    makeDirectory(directory);
    return { file: join(directory, name === null ? "server-annotations" : "annotations"), isServer: name === null };
  }

  delete(name: string): Promise<void> {
    return this.guarded(async () => {
      const canonical = canonicalName(name);
      await deleteMailbox(this.#home, canonical, this.#site);
      await moveSpecialUses(specialUsesOf(this.#home.root), (other) => (other === canonical ? null : other));
      if (this.limit && !this.limit.ignores(canonical)) await this.limit.state({ recount: true });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.guarded(async () => {
      const [source, target] = [canonicalName(from), canonicalName(to)];
      if (source === "INBOX") return this.renameInbox(target);
      const moved = await renameMailbox(this.#home, { from: source, to: target }, this.#site);
      await moveSpecialUses(specialUsesOf(this.#home.root), (name) =>
        moved.includes(name) ? target + name.slice(source.length) : name,
      );
      await this.recountBetween(source, target);
    });
  }

  status(name: string): Promise<MailboxStatus> {
    return this.guarded(async () => {
      const folder = this.#folder(name);
      const snapshot = await folder.sync();
      return {
        messages: snapshot.size,
        recent: folder.state.fresh.size,
        unseen: snapshot.unseen,
        uidNext: snapshot.uidNext,
        uidValidity: folder.state.uidValidity,
        highestModseq: snapshot.highestModseq,
        mailboxId: folder.mailboxId,
        sizeBytes: snapshot.sizeBytes,
      };
    });
  }

  open(name: string, { isReadOnly = false, claimsRecent = true }: OpenOptions = {}): Promise<Mailbox> {
    return this.guarded(async () => {
      const folder = this.#folder(name);
      this.#site.folders.hold(folder);
      try {
        await folder.sync({ isThorough: true });
        const mailbox = new OpenMailbox(folder, {
          name: canonicalName(name),
          isReadOnly,
          claimsRecent: claimsRecent && !isReadOnly,
          target: (target) => this.#folder(target),
          canonical: canonicalName,
          quota: this.limit,
        });
        await mailbox.sync();
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
    return this.guarded(() =>
      appendMessages(this.#folder(name), messages, { mailbox: canonicalName(name), quota: this.limit }),
    );
  }

  deliver(name: string, message: NewMessage, how: { readonly create?: boolean } = {}): Promise<void> {
    return this.guarded(async () => {
      const mailbox = canonicalName(name);
      canonicalFlags(message.flags ?? []);
      const isMade = how.create || mailbox === "INBOX";
      if (!isMade) this.#folder(mailbox);
      const directory = this.#prepared(mailbox);
      const spooled = await Spooled.of(contentOf(message), this.#site.quoting, directory);
      try {
        for (let tries = 0; ; tries++) {
          try {
            await deliverSpooled(this.#folder(mailbox), { message, spooled }, { mailbox, quota: this.limit });
            return;
          } catch (cause) {
            if (errnoOf(cause) !== "nonexistent" || !isMade || tries > 0) throw cause;
            if (mailbox !== "INBOX") await makeMailbox(this.#home, mailbox, this.#site);
          }
        }
      } finally {
        spooled.close();
      }
    });
  }

  /** Where a large message waits until it is whole. */
  #prepared(mailbox: string): string {
    const { control } = placeOfName(this.#home, mailbox);
    makeDirectory(control);
    return control;
  }

  lockMaildrop(): Promise<{ release(): Promise<void> } | null> {
    return this.guarded(() => {
      makeDirectory(controlRoot(this.#home.root));
      return lockMaildrop(this.#home.root);
    });
  }

  uniqueIds(mailbox: Mailbox): Promise<UniqueIds> {
    return this.guarded(() => {
      if (!(mailbox instanceof OpenMailbox)) throw new TypeError("a mailbox of another store");
      return uniqueIdsIn(mailbox.snapshot, mailbox.folder);
    });
  }

  inspect(name: string, how: { readonly repair: boolean }): Promise<readonly Defect[]> {
    return this.guarded(() => inspectMailbox(this.#place(name), how, this.#site));
  }

  takeUids(name: string, from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean> {
    return this.guarded(() => {
      const folder = this.#folder(name);
      return folder.use("exclusive", (file) => takeUids(folder, file, from));
    });
  }
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
