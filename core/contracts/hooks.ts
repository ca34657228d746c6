/** The hook table as types: what each hook is asked, and what it may answer. */
import type { Address } from "../mail/address.ts";
import type { Account, Attempt, AuthFailure } from "./account.ts";
import type { Delivery, Outcome } from "./delivery.ts";
import type { Envelope, Message, Recipient } from "./envelope.ts";
import type { Session } from "./session.ts";
import type {
  Accept,
  Allow,
  Amend,
  Authenticated,
  Defer,
  Discard,
  Expanded,
  Filed,
  Found,
  Proceed,
  Quarantine,
  Queued,
  Routed,
  Stop,
  Stored,
} from "./verdicts.ts";

export interface PolicyHooks {
  connect(session: Session): Proceed | Allow | Stop;
  helo(session: Session, name: string): Proceed | Allow | Stop;
  tls(session: Session): Proceed | Allow | Stop;
  authAttempt(
    session: Session,
    attempt: { readonly login: string | null; readonly mechanism: string },
  ): Proceed | Allow | Stop;
  mailFrom(envelope: Envelope, reversePath: Address | null): Proceed | Allow | Amend | Stop;
  rcptTo(envelope: Envelope, recipient: Recipient): Proceed | Allow | Amend | Stop;
  data(envelope: Envelope): Proceed | Allow | Amend | Stop;
  message(envelope: Envelope, message: Message): Proceed | Allow | Amend | Stop | Discard | Quarantine;
  messageFor(envelope: Envelope, message: Message, recipient: Recipient): Proceed | Allow | Stop | Discard | Quarantine;
}

export interface ClaimHooks {
  credentials(query: { readonly login: string; readonly authzid: string | null }): Proceed | Stored | Defer;
  auth(attempt: Attempt, session: Session): Proceed | Authenticated | Stop;
  findAccount(query: { readonly login: string } | { readonly address: Address }): Proceed | Found | Defer;
  /** Is this a domain whose addresses live on this server? Tells "no such user" from "relay denied". */
  findDomain(query: { readonly domain: string }): Proceed | Accept | Defer;
  destination(envelope: Envelope, recipient: Recipient): Proceed | Accept | Stop;
  expand(recipient: Recipient, envelope: Envelope): Proceed | Expanded | Stop;
  queue(envelope: Envelope, message: Message): Proceed | Queued | Stop;
  route(recipient: Recipient, envelope: Envelope): Proceed | Routed | Stop;
  fileInto(recipient: Recipient, delivery: Delivery, account: Account): Proceed | Filed | Defer;
}

export interface TransformHooks {
  prepare(envelope: Envelope, message: Message): Proceed | Amend;
  sign(envelope: Envelope, message: Message): Proceed | Amend;
}

export interface ShareHooks {
  deliver(delivery: Delivery): Proceed;
}

export interface NoticeHooks {
  login(session: Session): void;
  /** Wrong credentials; not told when `authAttempt` refused the attempt, as nothing was checked then. */
  authFailed(session: Session, login: string | null, failure: AuthFailure): void;
  transactionEnd(envelope: Envelope): void;
  disconnect(session: Session): void;
  queued(envelope: Envelope): void;
  settled(delivery: Delivery, recipient: Recipient, outcome: Outcome): void;
  bounced(envelope: Envelope, recipient: Recipient, outcome: Outcome): void;
}

export type AllHooks = PolicyHooks & ClaimHooks & TransformHooks & ShareHooks & NoticeHooks;
export type HookName = keyof AllHooks;

/** `signal` is a lazy getter: a handler that does not look at it pays nothing. */
export interface Call {
  readonly signal: AbortSignal;
}

/** Every handler may answer now or later. */
export type Hooks = {
  [H in keyof AllHooks]?: AllHooks[H] extends (...args: infer A) => infer R
    ? (...args: [...A, Call]) => R | Promise<R>
    : never;
};
