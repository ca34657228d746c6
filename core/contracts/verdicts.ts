/** Verdicts and changes: answers are values, and whatever a handler wants to change is part of its answer. */
import type { Readable } from "node:stream";
import type { Address } from "../mail/address.ts";
import type { Account, Identity } from "./account.ts";
import type { Notify, Target } from "./envelope.ts";

/** Subject and detail of an enhanced status code (RFC 3463, IANA registry); the class digit follows the reply code. */
export type StatusDetail =
  | "0.0"
  | "1.0"
  | "1.1"
  | "1.2"
  | "1.3"
  | "1.4"
  | "1.5"
  | "1.6"
  | "1.7"
  | "1.8"
  | "1.9"
  | "1.10"
  | "2.0"
  | "2.1"
  | "2.2"
  | "2.3"
  | "2.4"
  | "3.0"
  | "3.1"
  | "3.2"
  | "3.3"
  | "3.4"
  | "3.5"
  | "3.6"
  | "4.0"
  | "4.1"
  | "4.2"
  | "4.3"
  | "4.4"
  | "4.5"
  | "4.6"
  | "4.7"
  | "4.8"
  | "5.0"
  | "5.1"
  | "5.2"
  | "5.3"
  | "5.4"
  | "5.5"
  | "5.6"
  | "6.0"
  | "6.1"
  | "6.2"
  | "6.3"
  | "6.4"
  | "6.5"
  | "6.6"
  | "6.7"
  | "6.8"
  | "6.9"
  | "6.10"
  | "7.0"
  | "7.1"
  | "7.2"
  | "7.3"
  | "7.4"
  | "7.5"
  | "7.6"
  | "7.7"
  | "7.8"
  | "7.9"
  | "7.10"
  | "7.11"
  | "7.12"
  | "7.13"
  | "7.14"
  | "7.15"
  | "7.16"
  | "7.17"
  | "7.18"
  | "7.19"
  | "7.20"
  | "7.21"
  | "7.22"
  | "7.23"
  | "7.24"
  | "7.25"
  | "7.26"
  | "7.27"
  | "7.28"
  | "7.29"
  | "7.30";

export interface Refusal {
  readonly text: string;
  readonly detail?: StatusDetail;
  /** Reply code, 400 to 599; its first digit must fit the verdict (4 for defer, 5 for reject). */
  readonly code?: number;
  /** Answer at once and close the connection. */
  readonly close?: boolean;
  /** The refusal lapses when the client authenticates. */
  readonly unlessAuthenticated?: boolean;
}

export interface Proceed {
  readonly verdict: "proceed";
}
/** Ends this hook's chain without objection; grants no relay. Postfix's "permit". */
export interface Allow {
  readonly verdict: "allow";
  readonly reason: string;
}
/** Goes on, with effects. The kernel applies them, traces them, or drops them (shadow, fault, late). */
export interface Amend {
  readonly verdict: "amend";
  readonly changes: readonly Change[];
}
/** Claims a recipient or a domain: this server takes mail for it from this client. */
export interface Accept {
  readonly verdict: "accept";
  readonly reason: string;
}
export interface Reject {
  readonly verdict: "reject";
  readonly refusal: Refusal;
}
export interface Defer {
  readonly verdict: "defer";
  readonly refusal: Refusal;
}
export interface Discard {
  readonly verdict: "discard";
  readonly reason: string;
}
export interface Quarantine {
  readonly verdict: "quarantine";
  readonly reason: string;
}
export interface Queued {
  readonly verdict: "queued";
  readonly id: string;
}
export interface Expanded {
  readonly verdict: "expanded";
  readonly to: readonly Target[];
  readonly reversePath?: Address | null;
  /** `false`: these are other names of what was asked for. That somebody wrote them down does not mean that mail for them is taken here. */
  readonly grantsRelay?: boolean;
}
export interface Routed {
  readonly verdict: "routed";
  readonly transport: string;
  readonly nextHop: string | null;
  readonly concurrencyKey: string;
}
export interface Stored {
  readonly verdict: "stored";
  readonly identity: Identity;
  /** `{SCHEME}data`; any of them will do. */
  readonly secrets: readonly string[];
  readonly rehash?: Rehash;
}
/** A back end that wants weaker secrets replaced when a login has shown the password. */
export interface Rehash {
  readonly scheme: "ARGON2ID" | "SCRAM-SHA-256";
  /** Puts `fresh` in the place of `old`; `false`, and nothing done, if `old` is not stored any more. A rejection is logged, the
   * login stands. */
  replace(old: string, fresh: string): Promise<boolean>;
}
export interface Authenticated {
  readonly verdict: "authenticated";
  readonly identity: Identity;
}
export interface Found {
  readonly verdict: "found";
  readonly account: Account;
}
export interface Filed {
  readonly verdict: "filed";
  readonly actions: readonly [FilingAction, ...FilingAction[]];
}
export type Stop = Reject | Defer;

/** `index` counts the fields from 0, as `parseHeader` of `postern/mail` gives them; the message is put off where there is none. */
export interface HeaderEdit {
  readonly index: number;
  /** What takes the field's place; `null`: nothing. */
  readonly field: { readonly header: string; readonly value: string } | null;
}

/** `from` as it stands in the message. Local parts are compared with their case. */
export interface Readdressing {
  readonly from: Address;
  readonly to: Address;
}

export type Change =
  | { readonly op: "prepend" | "append"; readonly header: string; readonly value: string }
  | { readonly op: "removeHeader"; readonly header: string }
  /** Exchanges addresses in the address lists of these fields, in place: names, comments and folding stay octet by octet. */
  | { readonly op: "readdress"; readonly headers: readonly string[]; readonly addresses: readonly Readdressing[] }
  /** Replaces the sender of the envelope, at once; targets that `expand` gave a sender of their own keep it. */
  | { readonly op: "reversePath"; readonly address: Address }
  /** Single fields of the message that the handler was shown; made before whatever else its answer changes. */
  | { readonly op: "editHeader"; readonly edits: readonly HeaderEdit[] }
  | { readonly op: "replaceBody"; readonly body: Readable }
  | { readonly op: "hold" | "quarantine"; readonly reason: string }
  /** Without `notify` its sender hears of failures, as of anybody's; `never` keeps it quiet (BCC). */
  | { readonly op: "addRecipient"; readonly address: Address; readonly notify?: ReadonlySet<Notify> }
  | { readonly op: "redirect"; readonly address: Address }
  | { readonly op: "route"; readonly transport: string; readonly nextHop: string | null }
  | { readonly op: "label"; readonly label: string; readonly value: unknown };

export type FilingAction =
  | { readonly do: "keep"; readonly flags?: readonly string[] }
  | { readonly do: "fileInto"; readonly mailbox: string; readonly flags?: readonly string[]; readonly create?: boolean }
  | { readonly do: "redirect"; readonly address: Address }
  | { readonly do: "reject" | "discard"; readonly reason: string };
