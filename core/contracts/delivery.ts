/** One try at handing one envelope to recipients with the same route. */
import type { Account } from "./account.ts";
import type { Envelope, Message, Recipient } from "./envelope.ts";
import { defineService } from "./service.ts";
import type { Routed } from "./verdicts.ts";

export interface RemoteReply {
  readonly code: number;
  /** Enhanced status code, e.g. `5.1.1`; `null` if the other side gave none. */
  readonly status: string | null;
  readonly text: string;
  /** Who said so; `null` for this server. */
  readonly host: string | null;
}

/** `delivered`: into a mailbox. `relayed`: to a host that may do anything with it. */
export interface Outcome {
  readonly at: "delivered" | "relayed" | "deferred" | "failed";
  readonly reply: RemoteReply;
  /** The next host took the sender's NOTIFY wishes over (RFC 3461 5.2.1): telling of success is its business then. */
  readonly isDsnPassedOn?: boolean;
  /**
   * What an outcome tells the scheduler. `destination`: nobody would have got anything through now (no connection, 421, a time-out,
   * TLS that must be and is not): fewer deliveries go there at a time, and after some in a row none for a while. `recipient`, `message`:
   * the destination works. Left out: for what is deferred on the way to a next hop 421, 4.3.2 and 4.4.0 to 4.4.5 speak of the
   * destination, everything else does not. Only for the scheduler: it is not kept.
   */
  readonly speaksOf?: "recipient" | "message" | "destination";
}

export interface Delivery {
  readonly envelope: Envelope;
  readonly message: Message;
  readonly route: Routed;
  /** Those not settled yet. */
  readonly recipients: readonly Recipient[];
  /** From 1. */
  readonly attempt: number;
  /** Nobody was handed it before: no earlier try, and no restart since it was accepted. */
  readonly isFirstTry?: boolean;
  /** Durable when it resolves. What is not settled when the handler ends goes on to the next plugin, then is deferred. */
  settle(recipient: Recipient, outcome: Outcome): Promise<void>;
}

export interface FilingResult {
  readonly outcome: Outcome;
  /** Mailboxes that got a copy, for the log. */
  readonly mailboxes: readonly string[];
}

/** Puts a message into an account's mailbox as the `fileInto` hook says. Resolves when it is durable. Never throws. */
export interface Filing {
  /** `fields` stand in front of what is stored, in this order (Return-Path, Delivered-To); a redirected copy has none of them. */
  file(
    delivery: Delivery,
    recipient: Recipient,
    account: Account,
    fields?: readonly { readonly name: string; readonly value: string }[],
  ): Promise<FilingResult>;
}
export const Filing = defineService<Filing>("postern/filing@1");
