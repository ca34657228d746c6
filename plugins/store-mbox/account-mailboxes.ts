/** Everything one account owns, as mboxes. Every fault leaves as a `StoreError`. */

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
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
  moveSpecialUses,
  storeError,
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
import { canonicalFlags } from "./meta-fields.ts";
import { mboxNotes } from "./notes.ts";
import { OpenMailbox } from "./open-mailbox.ts";
import type { Site } from "./site.ts";
import { Spooled } from "./spool.ts";
import { changeSubscription, subscribedIn } from "./subscriptions.ts";
import { takeUids } from "./take-uids.ts";
import { usageOfAll } from "./usage.ts";

export class MboxAccount implements AccountMailboxes {
  readonly separator = "/";
  readonly annotationLimits = annotationLimits;
  readonly notes: MailboxNotes;
  readonly #home: Home;
  readonly #site: Site;
  readonly #usualUses: Readonly<Record<string, string>>;
  readonly #quota: AccountQuota | null;

  constructor(
    home: Home,
    site: Site,
    of: { readonly usualUses: Readonly<Record<string, string>>; readonly quota: AccountQuota | null },
  ) {
    this.#home = home;
    this.#site = site;
    this.#usualUses = of.usualUses;
    this.#quota = of.quota;
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
    return this.#guarded(() => {
      makeInbox(this.#home, this.#site);
      return listMailboxes(this.#home, this.#usualUses);
    });
  }

  subscriptions(): Promise<readonly string[]> {
    return this.#guarded(() => subscribedIn(this.#home.root));
  }

  subscribe(name: string): Promise<void> {
    return this.#guarded(() => changeSubscription(this.#home.root, canonicalName(name), true));
  }

  unsubscribe(name: string): Promise<void> {
    return this.#guarded(() => changeSubscription(this.#home.root, canonicalName(name), false));
  }

  create(name: string, specialUse?: SpecialUse): Promise<void> {
    return this.#guarded(async () => {
      const canonical = canonicalName(name);
      if (exists(this.#home, canonical)) throw new StoreError("alreadyExists", "The mailbox is there already");
      if (specialUse !== undefined) await giveSpecialUse(this.#specialUses(), canonical, specialUse);
      await createMailbox(this.#home, canonical, this.#site);
    });
  }

  setSpecialUse(name: string, use: SpecialUse | null): Promise<void> {
    return this.#guarded(async () => {
      const canonical = canonicalName(name);
      if (!exists(this.#home, canonical)) throw new StoreError("nonexistent", "There is no such mailbox");
      await giveSpecialUse(this.#specialUses(), canonical, use);
    });
  }

  annotations(name: string | null): Promise<Annotations> {
    return this.#guarded(() => annotationsIn(this.#annotated(name)));
  }

  annotate(name: string | null, entries: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    return this.#guarded(() => {
      const place = this.#annotated(name);
      makeDirectory(dirname(place.file));
      return changeAnnotations(place, entries);
    });
  }

  /** The file of special uses, before one is given. */
  #specialUses(): string {
    makeDirectory(controlRoot(this.#home.root));
    return specialUsesOf(this.#home.root);
  }

  #annotated(name: string | null): AnnotatedPlace {
    const directory = name === null ? controlRoot(this.#home.root) : this.#folder(name).place.control;
    return { file: join(directory, name === null ? "server-annotations" : "annotations"), isServer: name === null };
  }

  delete(name: string): Promise<void> {
    return this.#guarded(async () => {
      const canonical = canonicalName(name);
      await deleteMailbox(this.#home, canonical, this.#site);
      await moveSpecialUses(specialUsesOf(this.#home.root), (other) => (other === canonical ? null : other));
      if (this.#quota && !this.#quota.ignores(canonical)) await this.#quota.state({ recount: true });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#guarded(async () => {
      const [source, target] = [canonicalName(from), canonicalName(to)];
      if (source === "INBOX") return this.#renameInbox(target);
      const moved = await renameMailbox(this.#home, { from: source, to: target }, this.#site);
      await moveSpecialUses(specialUsesOf(this.#home.root), (name) =>
        moved.includes(name) ? target + name.slice(source.length) : name,
      );
      // Children go along: any of them may count now, or not any more.
      if (this.#quota && this.#quota.ignores(source) !== this.#quota.ignores(target))
        await this.#quota.state({ recount: true });
    });
  }

  /** RFC 3501 6.3.5: INBOX stays, its messages go; children of INBOX are not affected. */
  async #renameInbox(target: string): Promise<void> {
    await createMailbox(this.#home, target, this.#site);
    const inbox = await this.open("INBOX");
    try {
      const snapshot = await inbox.sync();
      const uids = Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
      await inbox.move(uids, target);
    } finally {
      await inbox.close();
    }
  }

  status(name: string): Promise<MailboxStatus> {
    return this.#guarded(async () => {
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
        await folder.sync({ isThorough: true });
        const mailbox = new OpenMailbox(folder, {
          name: canonicalName(name),
          isReadOnly,
          claimsRecent: claimsRecent && !isReadOnly,
          target: (target) => this.#folder(target),
          canonical: canonicalName,
          quota: this.#quota,
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
    return this.#guarded(() =>
      appendMessages(this.#folder(name), messages, { mailbox: canonicalName(name), quota: this.#quota }),
    );
  }

  deliver(name: string, message: NewMessage, how: { readonly create?: boolean } = {}): Promise<void> {
    return this.#guarded(async () => {
      const mailbox = canonicalName(name);
      canonicalFlags(message.flags ?? []);
      const isMade = how.create || mailbox === "INBOX";
      if (!isMade) this.#folder(mailbox);
      const directory = this.#prepared(mailbox);
      const spooled = await Spooled.of(contentOf(message), this.#site.quoting, directory);
      try {
        for (let tries = 0; ; tries++) {
          try {
            await deliverSpooled(this.#folder(mailbox), { message, spooled }, { mailbox, quota: this.#quota });
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
    return this.#guarded(() => {
      makeDirectory(controlRoot(this.#home.root));
      return lockMaildrop(this.#home.root);
    });
  }

  uniqueIds(mailbox: Mailbox): Promise<UniqueIds> {
    return this.#guarded(() => {
      if (!(mailbox instanceof OpenMailbox)) throw new TypeError("a mailbox of another store");
      return uniqueIdsIn(mailbox.snapshot, mailbox.folder);
    });
  }

  quota(how?: { readonly of: string }): Promise<QuotaState | null>;
  quota(how: { readonly recount: true }): Promise<QuotaState>;
  quota(how: { readonly recount?: boolean; readonly of?: string } = {}): Promise<QuotaState | null> {
    return this.#guarded(async () => {
      if (how.of !== undefined && this.#quota?.ignores(canonicalName(how.of))) return null;
      if (this.#quota) return this.#quota.state(how);
      if (!how.recount) return null;
      const usage = await usageOfAll(this.#home, this.#site, () => false);
      const hard = { bytes: null, messages: null };
      return { usage, hard, soft: hard, isOverSoft: false, isFull: false };
    });
  }

  inspect(name: string, how: { readonly repair: boolean }): Promise<readonly Defect[]> {
    return this.#guarded(() => inspectMailbox(this.#place(name), how, this.#site));
  }

  takeUids(name: string, from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean> {
    return this.#guarded(() => {
      const folder = this.#folder(name);
      return folder.use("exclusive", (file) => takeUids(folder, file, from));
    });
  }

  async #guarded<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof TypeError ? cause : storeError(cause);
    }
  }
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
