/**
 * Mailboxes as a login sees them: its own, those that others share with it, and those that the configuration shares. Every call is
 * checked against the rights of RFC 4314: what one may not even look up is `nonexistent`, else `noPermission`.
 */
import type { Rights } from "../mail/acl-rights.ts";
import type { Account } from "./account.ts";
import type { AccountMailboxes } from "./mailbox-store.ts";
import { defineService } from "./service.ts";

/**
 * Whom rights are about, as Dovecot's files have it: `anyone`, `authenticated`, `owner`, `user=LOGIN`, `group=NAME`,
 * `group-override=NAME`.
 */
export type AclSubject = string;

export interface AclEntry {
  readonly subject: AclSubject;
  /** Taken away instead of given. */
  readonly isNegative: boolean;
  readonly rights: Rights;
}

export interface AclChange {
  readonly subject: AclSubject;
  readonly isNegative: boolean;
  readonly mode: "add" | "remove" | "replace";
  readonly rights: Rights;
}

/** RFC 2342 5: prefixes end in the separator but for the one that is empty. */
export interface Namespaces {
  readonly personal: readonly string[];
  readonly otherUsers: readonly string[];
  readonly shared: readonly string[];
}

export interface SharedMailboxes extends AccountMailboxes {
  readonly namespaces: Namespaces;
  /** What this login may do there; never empty. Rejects with `nonexistent` where it may not know of it. */
  rights(name: string): Promise<Rights>;
  /** Needs `a`, as all that follows. The owner's own line is there, also where it is not in the file. */
  acl(name: string): Promise<readonly AclEntry[]>;
  /** Rejects with `cannot` for a subject that cannot be given rights here, and with `corruption` where the file cannot be read whole. */
  changeAcl(name: string, change: AclChange): Promise<void>;
  /** RFC 4314 3.3: removes the entry, also if there is none. */
  removeAcl(name: string, about: Pick<AclEntry, "subject" | "isNegative">): Promise<void>;
  /** RFC 4314 3.4: rights that the subject always has there, and those that can be given, each for itself. */
  grantable(name: string, subject: AclSubject): Promise<{ readonly always: Rights; readonly optional: Rights }>;
}

export interface Sharing {
  of(account: Account): Promise<SharedMailboxes>;
}
export const Sharing = defineService<Sharing>("postern/sharing@1");
