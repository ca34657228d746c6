/** Look-up tables: `hash:/etc/postern/virtual`, `inline:{...}`; plugins register further schemes. */
import type { Address } from "../mail/address.ts";
import { defineService } from "./service.ts";

/**
 * How a table is asked. `exact`: one key a question, so that parts of an address are asked for one after the other.
 * `pattern` (`regexp:`, `pcre:`) and `network` (`cidr:`) are asked once with the whole, as in Postfix.
 */
export type TableKind = "exact" | "pattern" | "network";

/** What is wrong with a table's source, and what comes of it: which line is left out, which of two keys counts. */
export interface TableMistake {
  /** From 1; `null` where it concerns the whole. */
  readonly line: number | null;
  readonly text: string;
}

/** What a table may answer, for whoever can tell whether that makes sense. */
export interface TableValue {
  /** The key, or the line that it stands in: for a message to people. */
  readonly at: string;
  /** What groups of a pattern would put in is `x`. */
  readonly value: string;
}

/**
 * What a key looks like: `user@`, `@domain`, `user@domain` (an `@` within), `.domain`; all others are a `name`. A table that says
 * which shapes it has is not asked for keys of the others.
 */
export type KeyShape = "local@" | "@domain" | "address" | ".domain" | "name";

export interface Table {
  /** `exact` if left out. */
  readonly kind?: TableKind;
  /** The value stored for the key, `null` if there is none. Rejects if the table cannot answer now. */
  get(key: string): Promise<string | null> | string | null;
  /** `false`: no part of this text has an answer when it is asked for as a key. Left out where asking is as quick as telling. */
  mayAnswerWithin?(text: string): boolean;
  /** Of the keys that an `exact` table has now; `null`, or left out: it cannot tell. */
  keyShapes?(): ReadonlySet<KeyShape> | null;
  /** Of what is in force now. They were logged when it was read, and `postern check` says them. */
  readonly mistakes?: readonly TableMistake[];
  /** All that it has, for `postern check`; left out where that cannot be listed. */
  values?(): Promise<readonly TableValue[]>;
}

/** What was found, and the key that it stood under. */
export interface TableHit {
  readonly key: string;
  readonly value: string;
  /** What the key left out of the address behind the recipient delimiter, delimiter included; empty if nothing. */
  readonly extension: string;
}

/**
 * The order in which an address is asked for, each from the most special to the most general; the extension behind the
 * recipient delimiter is left off after the whole address was asked for.
 * `virtual` (virtual(5), canonical(5), relocated(5)): user+ext@domain, user@domain, user+ext and user where the domain is
 * `origin` or this host's name, @domain.
 * `access` (access(5)): user@domain, domain and its parents (`domain.tld`, `.domain.tld`), user@.
 * `transport` (transport(5)): user+ext@domain, user@domain, domain, parents as `.domain.tld`, `*`.
 */
export type AddressOrder = "virtual" | "access" | "transport";

type Found = TableHit | null | Promise<TableHit | null>;

export interface Tables {
  /** Opens `scheme:rest`; rejects with a clear message when the scheme is unknown or the source unreadable. Relative paths
   * are relative to the config file. */
  open(spec: string): Promise<Table>;
  /** Several, asked in order: the first answer wins. A list of one kind stays of that kind; mixed ones are asked each in its own manner. */
  openAll(specs: readonly string[]): Promise<readonly Table[]>;
  /** Asks for an address in the given order of keys: all tables for the first key, then for the next. `null` as reverse-path
   * asks for `<>`. Answers at once where the tables do; throws or rejects when one of them cannot answer now. */
  findAddress(tables: readonly Table[], address: Address | null, order: AddressOrder): Found;
  /** A host name and its parents: `a.b.c`, `.b.c`, `b.c` ... */
  findDomain(tables: readonly Table[], domain: string): Found;
  /** A client's address and its networks: `192.0.2.1`, `192.0.2`, `192.0`, `192`; IPv6 by the colon. */
  findNetwork(tables: readonly Table[], address: string): Found;
  /** Of all tables of core's own schemes that are open now, each with what opened it. */
  mistakes(): Promise<readonly (TableMistake & { readonly spec: string })[]>;
  register(scheme: string, open: (rest: string) => Promise<Table>): void;
}
export const Tables = defineService<Tables>("postern/tables@1");
