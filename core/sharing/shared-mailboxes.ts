/**
 * `AccountMailboxes` as a login has them: its own, other users', shared ones. Each call finds the owner, asks for rights (RFC 4314 4), and
 * goes to the owner's store. Rejects with `nonexistent` where the login may not know of the mailbox, with `noPermission` where it may.
 */
import type {
  AccountMailboxes,
  AnnotationLimits,
  Annotations,
  Defect,
  Mailbox,
  MailboxListing,
  MailboxStatus,
  NewMessage,
  OpenOptions,
  SpecialUse,
  UniqueIds,
} from "../contracts/mailbox-store.ts";
import { StoreError } from "../contracts/mailbox-store.ts";
import type { QuotaState } from "../contracts/quota.ts";
import type { AclChange, AclEntry, AclSubject, Namespaces, SharedMailboxes } from "../contracts/sharing.ts";
import { allRights, type Right, type Rights } from "../mail/acl-rights.ts";
import { AclDesk } from "./acl-desk.ts";
import { annotateAs, annotationsAs } from "./annotations.ts";
import { createIn, renameIn } from "./changing-names.ts";
import { settableFlags } from "./flag-rights.ts";
import { GuardedMailbox } from "./guarded-mailbox.ts";
import { listOf } from "./listing.ts";
import { openAs } from "./opening.ts";
import type { Place } from "./regions.ts";
import { refusal, type SharingRoom } from "./sharing-room.ts";
import { statusAs } from "./status.ts";
import { changeElsewhere, subscribedElsewhere } from "./subscriptions.ts";

export class LoginMailboxes implements SharedMailboxes {
  readonly separator = "/";
  readonly annotationLimits: AnnotationLimits;
  readonly namespaces: Namespaces;
  readonly #room: SharingRoom;
  readonly #own: AccountMailboxes;
  readonly #desk: AclDesk;

  constructor(room: SharingRoom) {
    this.#room = room;
    this.#own = room.regions.own.mail;
    this.annotationLimits = this.#own.annotationLimits;
    this.namespaces = room.regions.namespaces;
    this.#desk = new AclDesk(room.acls, { mayShareWithAll: room.mayShareWithAll });
  }

  #locate(name: string): Promise<Place> {
    return this.#room.regions.locate(name);
  }

  #rightsAt({ region, name }: Place): Promise<Rights> {
    return this.#room.acls.rights(region, name, region.reader);
  }

  /** Where the login has all these rights. */
  async #allowed(name: string, ...wanted: readonly Right[]): Promise<Place & { readonly rights: Rights }> {
    const place = await this.#locate(name);
    const rights = await this.#rightsAt(place);
    if (wanted.every((right) => rights.has(right))) return { ...place, rights };
    throw refusal(rights);
  }

  /** Its own, which the owner's rights do not keep from him: things that are no other user's to do. */
  #ownName(name: string): string {
    if (this.#room.regions.isElsewhere(name)) throw new StoreError("noPermission", "Only its owner may do that");
    return name;
  }

  list(): Promise<readonly MailboxListing[]> {
    return listOf(this.#room);
  }

  async subscriptions(): Promise<readonly string[]> {
    const own = await this.#own.subscriptions();
    return [...own.filter((name) => !this.#room.regions.isElsewhere(name)), ...(await subscribedElsewhere(this.#own))];
  }

  onNames(listener: () => void): () => void {
    return this.#own.onNames?.(listener) ?? (() => {});
  }

  subscribe(name: string): Promise<void> {
    if (!this.#room.regions.isElsewhere(name)) return this.#own.subscribe(name);
    return changeElsewhere(this.#own, name, true);
  }

  unsubscribe(name: string): Promise<void> {
    if (!this.#room.regions.isElsewhere(name)) return this.#own.unsubscribe(name);
    return changeElsewhere(this.#own, name, false);
  }

  create(name: string, specialUse?: SpecialUse): Promise<void> {
    return createIn(this.#room, name, specialUse);
  }

  async setSpecialUse(name: string, use: SpecialUse | null): Promise<void> {
    await this.#own.setSpecialUse(this.#ownName(name), use);
  }

  async annotations(name: string | null): Promise<Annotations> {
    if (name === null) return this.#own.annotations(null);
    return annotationsAs(await this.#allowed(name, "l", "r"));
  }

  async annotate(name: string | null, entries: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    if (name === null) return this.#own.annotate(null, entries);
    return annotateAs(await this.#allowed(name, "l", "r"), entries);
  }

  async delete(name: string): Promise<void> {
    const place = await this.#allowed(name, "x");
    await place.region.mail.delete(place.name);
  }

  rename(from: string, to: string): Promise<void> {
    return renameIn(this.#room, from, to);
  }

  async status(name: string): Promise<MailboxStatus> {
    return statusAs(await this.#allowed(name, "r"), this.#room.readers);
  }

  async open(name: string, { isReadOnly = false, claimsRecent = true }: OpenOptions = {}): Promise<Mailbox> {
    const place = await this.#allowed(name, "r");
    return openAs(place, {
      name: place.region.prefix + place.name,
      isReadOnly,
      claimsRecent,
      readers: this.#room.readers,
      rights: () => this.#rightsAt(place),
      target: (target) => this.#allowed(target, "i"),
    });
  }

  async append(
    name: string,
    messages: readonly NewMessage[] | AsyncIterable<NewMessage>,
  ): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
    const place = await this.#allowed(name, "i");
    const { region, rights } = place;
    if (region.reader.isOwner && rights.size === allRights.size) return region.mail.append(place.name, messages);
    const seen: boolean[] = [];
    const isReader = !region.reader.isOwner;
    async function* allowed(): AsyncGenerator<NewMessage> {
      for await (const message of messages) {
        const flags = settableFlags(message.flags ?? [], rights);
        const isSeen = (flag: string) => flag.toLowerCase() === "\\seen";
        seen.push(isReader && flags.some(isSeen));
        yield { ...message, flags: flags.filter((flag) => !(isReader && isSeen(flag))) };
      }
    }
    const appended = await region.mail.append(place.name, allowed());
    const uids = appended.uids.filter((_, index) => seen[index]);
    if (uids.length > 0) {
      const mailbox = await this.#reading(place);
      try {
        await mailbox.markSeen(uids, true);
      } finally {
        await mailbox.close();
      }
    }
    return appended;
  }

  /** For what a reader does to its own `\Seen`, whether it may read or not. */
  #reading(place: Place): Promise<GuardedMailbox> {
    const { readers } = this.#room;
    const target = () => Promise.reject(new StoreError("cannot", "Nothing is copied from here"));
    return openAs(place, {
      name: place.name,
      isReadOnly: true,
      claimsRecent: false,
      readers,
      rights: () => this.#rightsAt(place),
      target,
    });
  }

  async deliver(name: string, message: NewMessage, how?: { readonly create?: boolean }): Promise<void> {
    if (!this.#room.regions.isElsewhere(name)) return this.#own.deliver(name, message, how);
    // RFC 4314 2.1: mail that is sent to a mailbox needs p. Nobody files mail as \Seen for others.
    const { region, name: inner } = await this.#allowed(name, "p");
    await region.mail.deliver(inner, { ...message, flags: [] });
  }

  lockMaildrop(): Promise<{ release(): Promise<void> } | null> {
    return this.#own.lockMaildrop();
  }

  uniqueIds(mailbox: Mailbox): Promise<UniqueIds> {
    return this.#own.uniqueIds(mailbox instanceof GuardedMailbox ? mailbox.inner : mailbox);
  }

  quota(how?: { readonly of: string }): Promise<QuotaState | null>;
  quota(how: { readonly recount: true }): Promise<QuotaState>;
  quota(how?: { readonly recount: true } | { readonly of: string }): Promise<QuotaState | null> {
    if (how && "recount" in how) return this.#own.quota(how);
    return this.#own.quota(how && { of: this.#ownName(how.of) });
  }

  async inspect(name: string, how: { readonly repair: boolean }): Promise<readonly Defect[]> {
    return this.#own.inspect(this.#ownName(name), how);
  }

  async takeUids(name: string, from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean> {
    return this.#own.takeUids(this.#ownName(name), from);
  }

  async rights(name: string): Promise<Rights> {
    const place = await this.#locate(name);
    const rights = await this.#rightsAt(place);
    if (rights.size === 0) throw refusal(rights);
    // A name without a mailbox has no rights to speak of.
    if (place.region.reader.isOwner) await mustExist(place);
    return rights;
  }

  async acl(name: string): Promise<readonly AclEntry[]> {
    return this.#desk.entries(await this.#administered(name));
  }

  async changeAcl(name: string, change: AclChange): Promise<void> {
    await this.#desk.change(await this.#administered(name), change);
  }

  async removeAcl(name: string, about: Pick<AclEntry, "subject" | "isNegative">): Promise<void> {
    await this.#desk.remove(await this.#administered(name), about);
  }

  async grantable(name: string, subject: AclSubject): Promise<{ readonly always: Rights; readonly optional: Rights }> {
    return this.#desk.grantable(await this.#administered(name), subject);
  }

  async #administered(name: string): Promise<Place> {
    const place = await this.#allowed(name, "a");
    await mustExist(place);
    return place;
  }
}

async function mustExist({ region, name }: Place): Promise<void> {
  // Rejects with `nonexistent`, and looks at no message.
  await region.mail.annotations(name);
}
