/** Accounts and logins: who has a mailbox, who a client is. */
import type { Address } from "../mail/address.ts";
import { defineService } from "./service.ts";
import type { Session } from "./session.ts";

export interface Account {
  /** Full address, or whatever the directory calls its users. Unique on this server. */
  readonly login: string;
  readonly addresses: readonly Address[];
  /** Absolute path below which the account's mail lives. */
  readonly home: string;
  /** `null`: as the server has it for all. 0: no limit. */
  readonly quotaBytes: number | null;
  /** The same in messages. */
  readonly quotaMessages?: number | null;
}

export interface Identity {
  readonly login: string;
  readonly account?: Account;
  /** How it was shown in this session, set by core: the name of the SASL mechanism, or `password` (IMAP LOGIN, POP3 USER). */
  readonly mechanism?: string;
}

/** What is to be checked. Of a token, `login` and `authzid` are only what the client says: the token says who it is. */
export type Attempt =
  | { readonly kind: "password"; readonly login: string; readonly authzid: string | null; readonly password: string }
  | { readonly kind: "token"; readonly login: string | null; readonly authzid: string | null; readonly token: string }
  | { readonly kind: "certificate"; readonly login: string | null; readonly certificate: Uint8Array };

/** The answer to "who is this?": `unavailable` means a directory could not answer now, and is never "unknown". */
export type AccountAnswer =
  | { readonly at: "found"; readonly account: Account }
  | { readonly at: "unknown" }
  | { readonly at: "unavailable"; readonly reason: string };
export type DomainAnswer = "served" | "foreign" | "unavailable";

/** The hooks `findAccount` and `findDomain`, asked on behalf of whoever needs an answer. Never throws. */
export interface Accounts {
  byAddress(address: Address): Promise<AccountAnswer>;
  byLogin(login: string): Promise<AccountAnswer>;
  /** Whether mailboxes (or virtual addresses) of this domain live on this server. */
  domain(domain: string): Promise<DomainAnswer>;
  /** Whether mail to this address would have a place to go here: an account, or an alias. */
  knows(address: Address): Promise<"known" | "unknown" | "unavailable">;
}
export const Accounts = defineService<Accounts>("postern/accounts@1");

/** One step of a SASL conversation (RFC 4422). */
export type LoginStep =
  | { readonly at: "challenge"; readonly data: Uint8Array }
  /** `session.identity` is set when this is answered. */
  | { readonly at: "success"; readonly identity: Identity }
  | {
      readonly at: "failure";
      /** `invalid`: wrong credentials. `unavailable`: nobody could tell. `malformed`: not the mechanism's syntax.
       * `cancelled`: the client sent "*". `refused`: a policy said no, `text` is its answer. `encryption`: needs TLS. */
      readonly cause: "invalid" | "unavailable" | "malformed" | "cancelled" | "refused" | "encryption" | "mechanism";
      readonly text: string;
      readonly isTemporary: boolean;
    };

export interface LoginConversation {
  /** The client's next response, decoded from base64. */
  next(response: Uint8Array): Promise<LoginStep>;
  cancel(): void;
}

/** What back ends can do beside checking passwords. `token`: bearer tokens (RFC 6750); `certificate`: those that no authority
 * vouches for. */
export type LoginMethod = "scram-sha-1" | "scram-sha-256" | "token" | "certificate";

/** For clients whose token was refused (RFC 7628 3.2.2). */
export interface TokenHints {
  readonly scope?: string;
  /** URL of the issuer's OpenID configuration. */
  readonly openidConfiguration?: string;
}

/**
 * Which mechanisms make sense here: a back end says what it can do, and those are offered. Needed for SCRAM and tokens only,
 * as clients prefer them to passwords and would fail where nobody can check them. Ask for `optional(LoginMethods)`.
 */
export interface LoginMethods {
  /** Call it in `setup`. `methods` is asked each time that mechanisms are offered, so it must be quick; it must not throw. */
  register(backEnd: { methods(): readonly LoginMethod[]; readonly hints?: TokenHints }): void;
}
export const LoginMethods = defineService<LoginMethods>("postern/login-methods@1");

/** Of a login that failed; for those who count. */
export interface AuthFailure {
  readonly mechanism: string;
  /** The same for the same login with the same wrong password on this server, else different, but for one in 65,536; says
   * nothing about the password. `null` where the mechanism does not show the password. */
  readonly sameness: string | null;
}

/**
 * Logins for every protocol: hooks `authAttempt`, `credentials`, `auth`, notices `login` and `authFailed`.
 * Unknown user and wrong password take the same time and give the same answer. Never throws.
 */
export interface Logins {
  /** Mechanism names to offer this session now, e.g. `["PLAIN", "LOGIN"]`; empty where a password would travel in clear. */
  mechanisms(session: Session): readonly string[];
  /** `initialResponse` is decoded already; `null` if the client sent none. */
  begin(
    session: Session,
    mechanism: string,
    initialResponse: Uint8Array | null,
  ): Promise<{ readonly step: LoginStep; readonly conversation: LoginConversation }>;
  /** IMAP LOGIN and POP3 USER/PASS. */
  password(session: Session, login: string, password: string): Promise<LoginStep>;
}
export const Logins = defineService<Logins>("postern/logins@1");
