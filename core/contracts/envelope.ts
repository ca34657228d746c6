/** A message's outside and inside as plugins see them. */
import type { Readable } from "node:stream";
import type { Address } from "../mail/address.ts";
import type { Session } from "./session.ts";

export type Notify = "never" | "success" | "failure" | "delay";
export type Origin = "smtp" | "lmtp" | "sendmail" | "bounce" | "forward" | "release";
export type BodyKind = "7bit" | "8bitmime" | "binarymime";

/** The label of a message that a content filter handed back (role `reinject`): `true`. It is not given to a filter again. */
export const REINJECTED_LABEL = "postern/reinjected";
/** The label of a message whose header says `TLS-Required: No` (RFC 8689 5): `true`. */
export const TLS_OPTIONAL_LABEL = "postern/tls-optional";
/** The label of a message that a local program left (`sendmail`): the number of the user whose program that was. */
export const LOCAL_USER_LABEL = "postern/local-user";
/** The label of a message that a plugin has put on hold or set aside: `{ by, reason }`, the id of its entry and what it said. */
export const HELD_BY_LABEL = "postern/held-by";
/** The label of a message that the queue is to hurry with, or to take its time: `high` or `bulk`; anything else is normal. */
export const PRIORITY_LABEL = "postern/priority";

export interface Recipient {
  /** Unique within its envelope, from 1. */
  readonly id: number;
  readonly address: Address;
  /** RFC 3461 4.2; `address` is decoded from xtext. */
  readonly orcpt: { readonly type: string; readonly address: string } | null;
  /** Empty: the sender said nothing (which means failure and delay). */
  readonly notify: ReadonlySet<Notify>;
  /** The addresses it was expanded from, outermost first. */
  readonly parents: readonly Address[];
  /** Only while it is expanded: the sender that a list before it has put in the place of the envelope's. */
  readonly reversePath?: Address | null;
}

export interface Target {
  readonly address: Address;
  readonly notify?: ReadonlySet<Notify>;
}

export interface Envelope {
  readonly id: string;
  /** How it came in. Only smtp and lmtp have a session. */
  readonly origin: Origin;
  readonly session: Session | null;
  readonly reversePath: Address | null;
  readonly recipients: readonly Recipient[];
  readonly body: BodyKind;
  readonly isSmtpUtf8: boolean;
  readonly requiresTls: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  /** What the client says of the message's size beforehand (RFC 1870); left out where it has not. */
  readonly declaredSizeBytes?: number;
  /** Small facts that travel with the message: spam score, SPF result, who authenticated. */
  label(name: string): unknown;
}

export interface Message {
  readonly sizeBytes: number;
  /** Unfolded values, names compared without case. */
  readonly headers: { get(name: string): string | undefined; all(name: string): readonly string[] };
  /** The whole message as it will be stored, CRLF line ends. */
  content(): Readable;
  /** The same bytes without a stream while they are held in memory, in pieces; `null` for a message kept in a file. */
  inMemory(): readonly Uint8Array[] | null;
}
