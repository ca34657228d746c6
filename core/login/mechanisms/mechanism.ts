/**
 * What a SASL mechanism (RFC 4422) is here: a generator of challenges, which is given the client's responses and returns how it
 * ended. It never decides who may log in: it asks the desk, which asks the plugins.
 */
import type { Attempt, Identity, LoginMethod, TokenHints } from "../../contracts/account.ts";
import type { Session } from "../../contracts/session.ts";
import { type Failure, failure } from "../failure.ts";
import type { Fakes } from "../fakes.ts";
import type { Passwords } from "../passwords/passwords.ts";

export interface Identified {
  readonly at: "identified";
  /** As the client says it, for the log. */
  readonly login: string | null;
  readonly identity: Identity;
}
export type Ending = Identified | Failure;
export type Exchange = AsyncGenerator<Uint8Array, Ending, Uint8Array>;

/** `identity: null`: nobody has stored anything, and nothing may show it. */
export interface Kept {
  readonly at: "kept";
  readonly identity: Identity | null;
  readonly secrets: readonly string[];
}

export interface Desk {
  readonly session: Session;
  readonly hostname: string;
  /** Names of the mechanisms that this session is offered. */
  readonly offered: readonly string[];
  readonly hints: TokenHints;
  readonly fakes: Fakes;
  readonly passwords: Pick<Passwords, "scramKeys">;
  /** All that can be checked at once. Whoever fails is told of, and logged. */
  check(attempt: Attempt): Promise<Ending>;
  /** For mechanisms that compare themselves: what is stored, if `authAttempt` lets the attempt pass. */
  lookUp(login: string, authzid: string | null): Promise<Kept | Failure>;
  /** The end of such a mechanism: right, if the client may act as `authzid`. */
  accept(identity: Identity, asked: { readonly login: string; readonly authzid: string | null }): Ending;
  /** Wrong credentials; `why` is for the log. */
  invalid(login: string, why: string): Failure;
  /** A stored secret cannot be used, or the hash pool has no room. */
  unavailable(login: string, cause: unknown): Failure;
}

export interface Mechanism {
  /** As registered with IANA. */
  readonly name: string;
  /** Offered only if a back end can do this; `null`: always. */
  readonly method: LoginMethod | null;
  /** Whether this session can do it: there is a channel binding, a certificate. */
  fits?(session: Session): boolean;
  /** `initial: null`: the client sent no initial response. */
  begin(desk: Desk, initial: Uint8Array | null): Exchange;
}

export const malformed = (text: string): Failure => failure("malformed", { text });

/** RFC 4422 3, item 3: without an initial response, an empty challenge asks for it. */
export const askForInitial = new Uint8Array(0);
