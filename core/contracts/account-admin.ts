/**
 * Editing accounts from outside the mail flow: `postern account`. A directory that can be edited registers an editor with
 * `AccountAdmins`; there may be several. The running server needs nobody here, so plugins ask for `optional(AccountAdmins)`.
 * A refusal is a value with a text for the operator; a broken file or disk is a throw.
 */
import type { Address } from "../mail/address.ts";
import { defineService } from "./service.ts";

export interface ListedAccount {
  readonly login: string;
  readonly addresses: readonly Address[];
  /** Absolute. */
  readonly home: string;
  /** Whether a password is stored: without one the account gets mail, but nobody can log in. */
  readonly hasPassword: boolean;
}

/** `done` only after the change is on disk (flushed, renamed into place) and would survive a crash. */
export type AccountChange =
  | { readonly at: "done" }
  | { readonly at: "refused"; readonly cause: "exists" | "unknown" | "foreign" | "readOnly"; readonly text: string };

export interface AccountAdmin {
  /** Where the accounts are kept, for messages: a file's path as a rule. */
  readonly place: string;
  /** Whether new accounts of this domain belong here. */
  serves(domain: string): boolean;
  list(): Promise<readonly ListedAccount[]>;
  /** The password in clear; the directory hashes it. Login is the whole address. */
  add(address: Address, password: string): Promise<AccountChange>;
  setPassword(login: string, password: string): Promise<AccountChange>;
  /** Forgets the account; its mail stays where it is. */
  remove(login: string): Promise<AccountChange>;
}

export interface AccountAdmins {
  /** Call it in `setup`. */
  register(admin: AccountAdmin): void;
  /** In the order of the operator's list. */
  readonly all: readonly AccountAdmin[];
}
export const AccountAdmins = defineService<AccountAdmins>("postern/account-admins@1");
