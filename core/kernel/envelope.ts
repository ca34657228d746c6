/**
 * The envelope that core writes and plugins read, and its way to the spool and back. `toSpool` gives JSON values only;
 * `fromSpool` throws a `TypeError` for an address that `toSpool` cannot have written (a damaged record).
 */
import type { BodyKind, Envelope, Notify, Origin, Recipient } from "../contracts/envelope.ts";
import type { Session } from "../contracts/session.ts";
import type { SpoolEnvelope, SpoolReceipts, SpoolRecipient, SpoolSession } from "../contracts/spool.ts";
import type { Address } from "../mail/address.ts";
import { storedAddress } from "./addresses.ts";
import { CellOwner } from "./cells.ts";
import { createSession, type SessionState } from "./session.ts";

export interface EnvelopeInit {
  readonly id: string;
  readonly origin: Origin;
  readonly session: Session | null;
  readonly reversePath: Address | null;
  readonly body?: BodyKind;
  readonly isSmtpUtf8?: boolean;
  readonly requiresTls?: boolean;
  readonly ret?: "full" | "hdrs" | null;
  readonly envid?: string | null;
  readonly declaredSizeBytes?: number;
}

export interface RecipientInit {
  readonly address: Address;
  readonly orcpt?: Recipient["orcpt"];
  readonly notify?: ReadonlySet<Notify>;
  readonly parents?: readonly Address[];
}

/** A route fixed by a change, for all recipients. */
export interface FixedRoute {
  readonly transport: string;
  readonly nextHop: string | null;
}

/**
 * A name that stands for others, and whose sender wants to hear of success: nobody else will tell. `expanded`: an alias of several;
 * `delivered`: a list, where the sender's wishes end (RFC 3461 5.2.7).
 */
export interface Receipt {
  readonly recipient: Recipient;
  readonly at: "expanded" | "delivered";
}

export interface Receipts {
  readonly to: Address;
  readonly envid: string | null;
  readonly names: readonly Receipt[];
}

const unspoken: ReadonlySet<Notify> = new Set();
const none: readonly Address[] = Object.freeze([]);

export class EnvelopeState extends CellOwner implements Envelope {
  readonly id: string;
  readonly origin: Origin;
  session: Session | null;
  reversePath: Address | null;
  recipients: readonly Recipient[] = [];
  body: BodyKind;
  isSmtpUtf8: boolean;
  requiresTls: boolean;
  ret: "full" | "hdrs" | null;
  envid: string | null;
  readonly declaredSizeBytes?: number;
  readonly labels = new Map<string, unknown>();
  /** Why it waits for an administrator; `null`: it does not. */
  hold: string | null = null;
  /** Why it is set aside; `null`: it is not. Kept on disk as a hold. */
  quarantine: string | null = null;
  route: FixedRoute | null = null;
  receipts: Receipts | null = null;
  #lastRecipientId = 0;

  constructor(init: EnvelopeInit) {
    super();
    this.id = init.id;
    this.origin = init.origin;
    this.session = init.session;
    this.reversePath = init.reversePath;
    this.body = init.body ?? "7bit";
    this.isSmtpUtf8 = init.isSmtpUtf8 ?? false;
    this.requiresTls = init.requiresTls ?? false;
    this.ret = init.ret ?? null;
    this.envid = init.envid ?? null;
    if (init.declaredSizeBytes !== undefined) this.declaredSizeBytes = init.declaredSizeBytes;
  }

  /** Makes a recipient with the next id and puts it on the envelope. */
  addRecipient(init: RecipientInit): Recipient {
    const recipient = this.makeRecipient(init);
    this.recipients = [...this.recipients, recipient];
    return recipient;
  }

  /** Makes a recipient with the next id that is not (yet) on the envelope: what hooks are asked about before admission. */
  makeRecipient(init: RecipientInit): Recipient {
    this.#lastRecipientId += 1;
    return {
      id: this.#lastRecipientId,
      address: init.address,
      orcpt: init.orcpt ?? null,
      notify: init.notify ?? unspoken,
      parents: init.parents ?? none,
    };
  }

  /** Puts recipients that this envelope made on it. */
  admit(recipients: readonly Recipient[]): void {
    this.recipients = [...this.recipients, ...recipients];
  }

  /** Takes over a recipient with the id that it has already. */
  restoreRecipient(recipient: Recipient): void {
    this.#lastRecipientId = Math.max(this.#lastRecipientId, recipient.id);
    this.recipients = [...this.recipients, recipient];
  }

  removeRecipients(isGone: (recipient: Recipient) => boolean): void {
    this.recipients = this.recipients.filter((recipient) => !isGone(recipient));
  }

  setLabel(name: string, value: unknown): void {
    this.labels.set(name, value);
  }

  label(name: string): unknown {
    return this.labels.get(name);
  }
}

export const createEnvelope = (init: EnvelopeInit): EnvelopeState => new EnvelopeState(init);

/** What stands on disk. `acceptedAt` in milliseconds since 1970. */
export function toSpool(envelope: EnvelopeState, acceptedAt: number): SpoolEnvelope {
  const { session } = envelope;
  return {
    id: envelope.id,
    origin: envelope.origin,
    session: session && rememberSession(session),
    reversePath: envelope.reversePath === null ? null : envelope.reversePath.toString(),
    recipients: envelope.recipients.map(rememberRecipient),
    body: envelope.body,
    isSmtpUtf8: envelope.isSmtpUtf8,
    requiresTls: envelope.requiresTls,
    ret: envelope.ret,
    envid: envelope.envid,
    labels: Object.fromEntries(envelope.labels),
    acceptedAt,
    hold: envelope.hold ?? envelope.quarantine,
    route: envelope.route,
    ...(envelope.receipts && { receipts: rememberReceipts(envelope.receipts) }),
  };
}

export function fromSpool(stored: SpoolEnvelope): EnvelopeState {
  const envelope = new EnvelopeState({
    id: stored.id,
    origin: stored.origin,
    session: stored.session && recallSession(stored.session),
    reversePath: stored.reversePath === null ? null : storedAddress(stored.reversePath),
    body: stored.body,
    isSmtpUtf8: stored.isSmtpUtf8,
    requiresTls: stored.requiresTls,
    ret: stored.ret,
    envid: stored.envid,
  });
  for (const recipient of stored.recipients) envelope.restoreRecipient(recallRecipient(recipient));
  for (const [name, value] of Object.entries(stored.labels)) envelope.setLabel(name, value);
  envelope.hold = stored.hold;
  envelope.route = stored.route;
  envelope.receipts = stored.receipts ? recallReceipts(stored.receipts) : null;
  return envelope;
}

const rememberRecipient = (recipient: Recipient): SpoolRecipient => ({
  id: recipient.id,
  address: recipient.address.toString(),
  orcpt: recipient.orcpt,
  notify: [...recipient.notify],
  parents: recipient.parents.map(String),
});

const recallRecipient = (stored: SpoolRecipient): Recipient => ({
  id: stored.id,
  address: storedAddress(stored.address),
  orcpt: stored.orcpt,
  notify: stored.notify.length === 0 ? unspoken : new Set(stored.notify),
  parents: stored.parents.length === 0 ? none : stored.parents.map(storedAddress),
});

const rememberReceipts = ({ to, envid, names }: Receipts): SpoolReceipts => ({
  to: to.toString(),
  envid,
  names: names.map(({ recipient, at }) => ({ recipient: rememberRecipient(recipient), at })),
});

const recallReceipts = ({ to, envid, names }: SpoolReceipts): Receipts => ({
  to: storedAddress(to),
  envid,
  names: names.map(({ recipient, at }) => ({ recipient: recallRecipient(recipient), at })),
});

function rememberSession(session: Session): SpoolSession {
  return {
    id: session.id,
    protocol: session.protocol,
    listener: { name: session.listener.name, role: session.listener.role },
    remote: session.remote,
    heloName: session.heloName,
    login: session.identity?.login ?? null,
  };
}

/** The session has gone: its TLS and its local side are not remembered. */
function recallSession(stored: SpoolSession): SessionState {
  return createSession({
    id: stored.id,
    protocol: stored.protocol,
    listener: stored.listener,
    local: { address: "", port: 0 },
    remote: stored.remote,
    heloName: stored.heloName,
    identity: stored.login === null ? null : { login: stored.login },
  });
}
