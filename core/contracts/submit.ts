/** The one door into the queue for every origin: smtp, lmtp, sendmail, bounce, forward, release. */
import type { Address } from "../mail/address.ts";
import type { BodyKind, Envelope, Message, Notify, Origin, Recipient } from "./envelope.ts";
import { defineService } from "./service.ts";
import type { Session } from "./session.ts";
import type { Change, Refusal } from "./verdicts.ts";

export interface Opening {
  readonly origin: Origin;
  readonly session: Session | null;
  readonly reversePath: Address | null;
  readonly body: BodyKind;
  readonly isSmtpUtf8: boolean;
  readonly requiresTls: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  readonly declaredSizeBytes?: number;
  /** Each recipient gets a reply of its own behind the content, also over plain SMTP (PRDR). */
  readonly repliesEach?: boolean;
}

export interface Offer {
  readonly address: Address;
  readonly orcpt: { readonly type: string; readonly address: string } | null;
  readonly notify: ReadonlySet<Notify>;
  /** `postmaster`, or `postmaster@` a served domain: no refusal but rate and TLS (RFC 5321 4.5.1). */
  readonly isPostmaster?: boolean;
}

/** `permanent` follows the verdict (reject or defer); `by` is the plugin, `null` for core. */
export interface Refused {
  readonly at: "refused";
  readonly isPermanent: boolean;
  readonly refusal: Refusal;
  readonly by: string | null;
}

export type Admission = { readonly at: "admitted"; readonly recipients: readonly Recipient[] } | Refused;

/** `replies` has one entry for each offer admitted, in that order (LMTP, RFC 2033 4.2; PRDR). */
export type Submitted =
  | { readonly at: "queued"; readonly id: string; readonly replies: readonly ({ readonly at: "queued" } | Refused)[] }
  /** A plugin threw it away; the client is told 250. */
  | {
      readonly at: "discarded";
      readonly id: string;
      readonly replies: readonly ({ readonly at: "queued" } | Refused)[];
    }
  | Refused;

/** Where a message's bytes go while they come in: memory for common sizes, a file beyond. */
export interface Intake {
  /** Takes a piece (it is not copied: do not reuse the buffer). A promise means: wait. Throws `SpoolFull` or an I/O error. */
  write(piece: Uint8Array): void | Promise<void>;
  readonly sizeBytes: number;
  /** The message as received. */
  end(): Promise<Message>;
  /** Forgets everything. Safe at any time, also twice. */
  abort(): Promise<void>;
}

/** One message on its way in. Not re-entrant: one call at a time. */
export interface Draft {
  /** Live: recipients are added as they are admitted. */
  readonly envelope: Envelope;
  /** Changes that hooks outside `Submit` (mailFrom, data) answered with. */
  apply(changes: readonly Change[]): void;
  /** Hooks `destination`, `expand`, then `rcptTo`. */
  admit(offer: Offer): Promise<Admission>;
  /** Throws `SpoolFull` when there is no room: answer 452 4.3.1. */
  receive(sizeHintBytes: number | null): Intake;
  /** Hooks `message`, `messageFor`, `prepare`, `sign`, `queue` as the origin asks; durable when it answers `queued`. */
  submit(message: Message): Promise<Submitted>;
  /** Ends the transaction whatever happened; tells `transactionEnd`. Safe to call twice. */
  close(): Promise<void>;
}

export interface Submit {
  /** Whether a message of that size could be taken now; if not, 452 4.3.1 saves the client the trouble. */
  hasRoomFor(sizeBytes: number): boolean;
  open(opening: Opening): Draft;
}
export const Submit = defineService<Submit>("postern/submit@1");
