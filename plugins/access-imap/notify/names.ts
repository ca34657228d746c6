/**
 * Names, subscriptions and annotations as a client knows them (RFC 5465 5.4 to 5.7). `news` looks again and answers what has changed; a
 * mailbox that has another name is known by its id.
 */
import { createHash } from "node:crypto";
import type { AccountMailboxes, Annotations, MailboxListing } from "postern/plugin";
import { isShared } from "../acl/shared-mailboxes.ts";
import { isStoreError } from "../reply.ts";
import type { ImapSession } from "../session.ts";
import { formatListed } from "../sync/listed.ts";
import { formatAstring } from "../wire/format.ts";
import type { EventGroup } from "./event-groups.ts";
import { isWanted, type NamedMailbox } from "./scope.ts";

/** Names of entries, each with a hash of what it says. */
type Entries = ReadonlyMap<string, string>;

interface Seen extends NamedMailbox {
  readonly id: string | null;
  readonly entries: Entries | null;
}

export class Names {
  readonly #session: ImapSession;
  readonly #mailboxes: AccountMailboxes;
  readonly #groups: readonly EventGroup[];
  #seen: ReadonlyMap<string, Seen> = new Map();
  #server: Entries | null = null;

  constructor(session: ImapSession, mailboxes: AccountMailboxes, groups: readonly EventGroup[]) {
    this.#session = session;
    this.#mailboxes = mailboxes;
    this.#groups = groups;
  }

  /** All there are now. */
  get mailboxes(): Iterable<NamedMailbox> {
    return this.#seen.values();
  }

  /** Takes what is there for what the client knows. */
  async begin(): Promise<void> {
    this.#seen = await this.#look();
    this.#server = await this.#serverEntries();
  }

  /** Responses, without what they are asked for by other means. */
  async news(): Promise<readonly string[]> {
    const before = this.#seen;
    const now = await this.#look();
    this.#seen = now;
    const lines = [
      ...this.#nameNews(before, now),
      ...this.#subscriptionNews(before, now),
      ...this.#metadataNews(before, now),
    ];
    const server = await this.#serverEntries();
    // RFC 5465 5.7
    if (server && this.#server) lines.push(...this.#formatEntries("", changedEntries(this.#server, server)));
    this.#server = server;
    return lines;
  }

  async #look(): Promise<ReadonlyMap<string, Seen>> {
    const before = this.#seen;
    const seen = new Map<string, Seen>();
    const [listings, subscriptions] = [await this.#mailboxes.list(), new Set(await this.#mailboxes.subscriptions())];
    const listed = new Map(listings.map((listing) => [listing.name, listing]));
    for (const name of new Set([...listed.keys(), ...subscriptions])) {
      const listing = listed.get(name);
      const named: NamedMailbox = {
        ...{ name, listing, isSelectable: listing?.isSelectable === true },
        ...{ isSubscribed: subscriptions.has(name), isPersonal: this.#isPersonal(name) },
      };
      const needsId = named.isSelectable && isWanted(this.#groups, named, "names");
      const needsEntries = named.isSelectable && isWanted(this.#groups, named, "metadata");
      seen.set(name, {
        ...named,
        id: needsId ? (before.get(name)?.id ?? (await this.#idOf(name))) : null,
        entries: needsEntries ? await this.#entriesOf(name) : null,
      });
    }
    return seen;
  }

  #isPersonal(name: string): boolean {
    if (!isShared(this.#mailboxes)) return true;
    const { otherUsers, shared } = this.#mailboxes.namespaces;
    return ![...otherUsers, ...shared].some((prefix) => name === prefix.slice(0, -1) || name.startsWith(prefix));
  }

  #idOf(name: string): Promise<string | null> {
    return orNull(this.#mailboxes.status(name).then(({ mailboxId }) => mailboxId));
  }

  #entriesOf(name: string | null): Promise<Entries | null> {
    return orNull(this.#mailboxes.annotations(name).then(hashed));
  }

  #serverEntries(): Promise<Entries | null> {
    const isAsked = this.#groups.some(({ events }) => events.serverMetadata);
    return isAsked ? this.#entriesOf(null) : Promise.resolve(null);
  }

  /** RFC 5465 5.4 */
  *#nameNews(before: ReadonlyMap<string, Seen>, now: ReadonlyMap<string, Seen>): Generator<string> {
    const isThere = (seen: Seen | undefined): boolean => seen?.isSelectable === true;
    const isAsked = (seen: Seen | undefined): seen is Seen => !!seen && isWanted(this.#groups, seen, "names");
    const gone = [...before.values()].filter((seen) => isThere(seen) && !isThere(now.get(seen.name)) && isAsked(seen));
    const come = [...now.values()].filter((seen) => isThere(seen) && !isThere(before.get(seen.name)) && isAsked(seen));
    const renamed = new Map<string, string>();
    for (const { name, id } of come) {
      const old = id === null ? undefined : gone.find((other) => other.id === id);
      if (old) renamed.set(name, old.name);
    }
    const oldNames = new Set(renamed.values());
    const told = new Set<string>();
    const affected: string[] = [];
    for (const { name } of gone) if (!oldNames.has(name)) affected.push(name);
    for (const { name } of come) {
      const oldName = renamed.get(name);
      if (oldName === undefined) affected.push(name);
      // RFC 5465 5.4: nothing more is said of the children, which go along.
      else if (renamed.get(parentOf(name)) !== parentOf(oldName) || parentOf(name) === "") {
        told.add(name);
        yield formatListed(this.#session, { name, listing: now.get(name)?.listing, oldName });
      }
    }
    // RFC 5465 5.4: the direct parent is affected, too.
    for (const name of [...affected, ...affected.map(parentOf)]) {
      if (name === "" || told.has(name)) continue;
      told.add(name);
      yield formatListed(this.#session, { name, listing: now.get(name)?.listing });
    }
  }

  /** RFC 5465 5.5 */
  *#subscriptionNews(before: ReadonlyMap<string, Seen>, now: ReadonlyMap<string, Seen>): Generator<string> {
    for (const name of new Set([...before.keys(), ...now.keys()])) {
      const [old, current] = [before.get(name), now.get(name)];
      if ((old?.isSubscribed ?? false) === (current?.isSubscribed ?? false)) continue;
      const asked = current ?? old;
      if (!asked || !isWanted(this.#groups, asked, "subscriptions")) continue;
      const listing = current?.listing ?? notListed(name);
      yield formatListed(this.#session, {
        name,
        listing: current?.listing || !current?.isSubscribed ? current?.listing : { ...listing, isSubscribed: true },
      });
    }
  }

  /** RFC 5465 5.6 */
  *#metadataNews(before: ReadonlyMap<string, Seen>, now: ReadonlyMap<string, Seen>): Generator<string> {
    for (const { name, entries } of now.values()) {
      const old = before.get(name)?.entries;
      if (entries && old) yield* this.#formatEntries(name, changedEntries(old, entries));
    }
  }

  /** RFC 5464 4.4.2: names only; the client asks for what it wants. */
  *#formatEntries(name: string, changed: readonly string[]): Generator<string> {
    if (changed.length === 0) return;
    const mailbox = name === "" ? '""' : this.#session.formatName(name);
    yield `* METADATA ${mailbox} ${changed.map(formatAstring).join(" ")}`;
  }
}

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf("/")));

const notListed = (name: string): MailboxListing => ({
  ...{ name, isSelectable: false, hasChildren: false, isSubscribed: false, specialUse: null },
});

function changedEntries(before: Entries, now: Entries): readonly string[] {
  const names = new Set([...before.keys(), ...now.keys()]);
  return [...names].filter((name) => before.get(name) !== now.get(name));
}

const hashed = (annotations: Annotations): Entries =>
  new Map([...annotations].map(([name, value]) => [name, createHash("sha1").update(value).digest("base64")]));

/** What cannot be had of one mailbox does not keep the others from being watched. */
async function orNull<T>(pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (fault) {
    if (isStoreError(fault, "unavailable") || !isStoreFault(fault)) throw fault;
    return null;
  }
}

const isStoreFault = (fault: unknown): boolean =>
  (["nonexistent", "noPermission", "cannot", "corruption"] as const).some((code) => isStoreError(fault, code));
