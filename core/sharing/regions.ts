/**
 * Which owner's mailboxes a name of a login leads to. Others are found by the hints of `Grants` alone, so whoever shares nothing looks like
 * somebody who does not exist, and takes as long. Names are taken apart here and nowhere else.
 */
import type { Account, AccountAnswer, Accounts } from "../contracts/account.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import { type AccountMailboxes, type MailboxStore, StoreError } from "../contracts/mailbox-store.ts";
import type { Namespaces } from "../contracts/sharing.ts";
import type { Owned } from "./acls.ts";
import { type Reader, subjectsOf } from "./effective-rights.ts";
import type { Grants } from "./grants.ts";
import type { SharedRoot, SharingOptions } from "./sharing-options.ts";

/** Mailboxes of one owner, as a login reaches them. */
export interface Region extends Owned {
  /** Before names of mailboxes, with the separator; empty for the login's own. */
  readonly prefix: string;
  readonly reader: Reader;
  /** Found by a hint, which may be out of date. */
  readonly isHinted: boolean;
}

/** A mailbox by the name that its store knows. */
export interface Place {
  readonly region: Region;
  readonly name: string;
}

export interface RegionsRoom {
  readonly store: () => MailboxStore;
  readonly accounts: Pick<Accounts, "byLogin">;
  readonly grants: Grants;
  readonly options: SharingOptions;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long an account that was found is not looked up again. */
const rememberedMs = 30_000;
const maxNameLength = 4096;

export const canonicalInbox = (name: string): string => name.replace(/^inbox(?=\/|$)/i, "INBOX");

const isStep = (text: string): boolean => text !== "" && text !== "." && text !== ".." && !/[/\p{Cc}]/u.test(text);

export class Regions {
  readonly own: Region;
  readonly namespaces: Namespaces;
  readonly #room: RegionsRoom;
  readonly #login: string;
  readonly #found = new Map<string, { readonly region: Region | null; readonly untilMs: number }>();

  constructor(account: Account, mail: AccountMailboxes, room: RegionsRoom) {
    this.#login = account.login;
    this.#room = room;
    const reader = { login: account.login, isOwner: true };
    this.own = { login: account.login, mail, prefix: "", reader, isHinted: false };
    const { otherUsers, shared, roots } = room.options;
    this.namespaces = {
      personal: [""],
      otherUsers: otherUsers === null ? [] : [`${otherUsers}/`],
      shared: roots.size === 0 ? [] : [`${shared}/`],
    };
  }

  /** Whether a name is in another namespace, or the step above it. */
  isElsewhere(name: string): boolean {
    const { otherUsers, shared } = this.namespaces;
    return [...otherUsers, ...shared].some((prefix) => `${name}/`.startsWith(prefix));
  }

  /** Rejects with `nonexistent` where this login knows nothing of the kind. */
  async locate(name: string): Promise<Place> {
    if (!this.isElsewhere(name)) return { region: this.own, name: canonicalInbox(name) };
    const [first = "", whose = "", ...steps] = name.split("/");
    const region = name.length > maxNameLength || steps.length === 0 ? null : await this.#region(first, whose);
    if (!region) throw new StoreError("nonexistent", "There is no such mailbox");
    return { region, name: canonicalInbox(steps.join("/")) };
  }

  async #region(first: string, whose: string): Promise<Region | null> {
    if (first === this.#room.options.otherUsers) {
      if (!(await this.#hinted()).includes(whose)) return null;
      return this.#remembered(`${first}/${whose}/`, { at: "account", login: whose }, true);
    }
    const root = this.#room.options.roots.get(whose);
    return root ? this.#remembered(`${first}/${whose}/`, root, false) : null;
  }

  async #hinted(): Promise<readonly string[]> {
    const { grants, options } = this.#room;
    const owners = await grants.ownersFor(subjectsOf(this.#login, options.groups));
    return owners.filter((login) => login !== this.#login && isStep(login));
  }

  /** All others, as far as they can be had now. */
  async others(): Promise<readonly Region[]> {
    const { options, log } = this.#room;
    const wanted: (readonly [prefix: string, root: SharedRoot, isHinted: boolean])[] = [];
    if (options.otherUsers !== null) {
      for (const login of await this.#hinted())
        wanted.push([`${options.otherUsers}/${login}/`, { at: "account", login }, true]);
    }
    for (const [name, root] of options.roots) wanted.push([`${options.shared}/${name}/`, root, false]);
    const found: Region[] = [];
    for (const [prefix, root, isHinted] of wanted) {
      try {
        const region = await this.#remembered(prefix, root, isHinted);
        if (region) found.push(region);
      } catch (cause) {
        log.warn({ err: cause, namespace: prefix }, "mailboxes of somebody else cannot be had now");
      }
    }
    return found;
  }

  /** Nothing of it can be seen: the hint that led there is of no use. */
  forget({ login }: Region): Promise<void> {
    return this.#room.grants.drop(login, [`user=${this.#login}`]);
  }

  async #remembered(prefix: string, root: SharedRoot, isHinted: boolean): Promise<Region | null> {
    const nowMs = this.#room.clock.now();
    const known = this.#found.get(prefix);
    if (known && known.untilMs > nowMs) return known.region;
    const account = root.at === "home" ? nobodys(prefix, root.home) : await this.#account(root.login);
    const reader = { login: this.#login, isOwner: false };
    const region = account && {
      ...{ login: account.login, mail: await this.#room.store().of(account) },
      ...{ prefix, reader, isHinted },
    };
    this.#found.set(prefix, { region, untilMs: nowMs + rememberedMs });
    return region;
  }

  async #account(login: string): Promise<Account | null> {
    const answer: AccountAnswer = await this.#room.accounts.byLogin(login);
    if (answer.at === "unavailable") throw new StoreError("unavailable", "The mailbox cannot be used now");
    // One name for each: another spelling of the login is not another user.
    return answer.at === "found" && answer.account.login === login ? answer.account : null;
  }
}

/** Mail that is no account's: stores that keep it below `home` can, others say that they cannot. */
export const nobodys = (prefix: string, home: string): Account => ({
  login: prefix.slice(0, -1).replaceAll("/", ":"),
  addresses: [],
  home,
  quotaBytes: 0,
});
