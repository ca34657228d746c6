/**
 * One message on its way in: recipients are admitted, content is checked and finished, then the spool keeps it and the queue gets
 * it from memory. Never throws: what goes wrong inside is logged and becomes a temporary refusal, and then nothing was promised.
 */

import type { Clock } from "../contracts/clock.ts";
import type { Message, Recipient } from "../contracts/envelope.ts";
import type { TlsFacts } from "../contracts/session.ts";
import type { Spool } from "../contracts/spool.ts";
import { SpoolFull } from "../contracts/spool.ts";
import type { Admission, Draft, Intake, Offer, Refused, Submitted } from "../contracts/submit.ts";
import type { Change } from "../contracts/verdicts.ts";
import { type EnvelopeState, type Receipt, toSpool } from "../kernel/envelope.ts";
import { noteHolder } from "../kernel/labels.ts";
import { editMessage, type StoredMessage } from "../kernel/message.ts";
import { applyToMessage, asStored, isMessageChange } from "../kernel/message-changes.ts";
import type { Address } from "../mail/address.ts";
import { type AdmissionRoom, admitOffer, targetsOfChange } from "./admission.ts";
import { completed } from "./complete.ts";
import { checkEach, checkWhole } from "./content-check.ts";
import type { Leaf } from "./expansion.ts";
import { type Judgement, judge } from "./judgement.ts";
import { type OriginRules, rulesOf } from "./origin-table.ts";
import { partition } from "./partition.ts";
import { countHops, HOPS_LIMIT, receivedField } from "./received-field.ts";
import { refusals, refusedBy } from "./refusals.ts";
import { noteTransport } from "./transport-needs.ts";

export interface SubmitRoom extends AdmissionRoom {
  readonly spool: Spool;
  /** Takes over what the spool has accepted. `message` is `null` where it has to be read back. */
  readonly queue: {
    expect(ids: readonly string[]): void;
    forget(ids: readonly string[]): void;
    enqueue(envelope: EnvelopeState, message: Message | null, acceptedAt: number): void;
  };
  readonly clock: Clock;
  /** Names of listeners whose clients `Received:` does not tell of. */
  readonly hiddenClients?: ReadonlySet<string>;
  /** `Received:` fields before a message counts as looping. */
  readonly hopsLimit?: number;
}

interface Found {
  readonly leaves: readonly Leaf[];
  readonly receipts: readonly Receipt[];
}

// RFC 5321 4.5.3.2.6: so long a client waits for the answer to its message
const ANSWER_MS = 10 * 60_000;
// What one client can make grow here; the SMTP room has its own, lower limit of recipients.
const RECIPIENTS_LIMIT = 20_000;
const CHANGES_LIMIT = 1_000;

const nobodyAsked: ReadonlySet<never> = new Set();

export class OpenDraft implements Draft {
  readonly envelope: EnvelopeState;
  readonly #room: SubmitRoom;
  readonly #rules: OriginRules;
  readonly #repliesEach: boolean;
  readonly #offers: { readonly address: Address; readonly ids: readonly number[] }[] = [];
  readonly #byAddress = new Map<string, Recipient>();
  readonly #reversePaths = new Map<number, Address | null>();
  /** Each with the recipients that came from it: it goes where they all have gone. */
  #receipts: { readonly receipt: Receipt; readonly ids: readonly number[] }[] = [];
  readonly #intakes: Intake[] = [];
  #changes: Change[] = [];
  #isClosed = false;

  /** `repliesEach`: each offer has an answer of its own behind the content. */
  constructor(room: SubmitRoom, envelope: EnvelopeState, repliesEach: boolean) {
    this.#room = room;
    this.envelope = envelope;
    this.#rules = rulesOf(envelope);
    this.#repliesEach = repliesEach;
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.op === "hold") this.envelope.hold = change.reason;
      else if (change.op === "quarantine") this.envelope.quarantine = change.reason;
      else if (change.op === "route") this.envelope.route = { transport: change.transport, nextHop: change.nextHop };
      else if (change.op === "label") this.envelope.setLabel(change.label, change.value);
      else if (change.op === "reversePath") this.envelope.reversePath = change.address;
      else if (this.#changes.length < CHANGES_LIMIT) this.#changes.push(change);
      else
        this.#room.log.warn(
          { id: this.envelope.id, op: change.op },
          "too many changes to one message, one is left out",
        );
    }
  }

  async admit(offer: Offer): Promise<Admission> {
    try {
      const admitted = await admitOffer(this.#room, this.#rules, this.envelope, offer);
      if (admitted.at === "refused") return admitted;
      if (this.envelope.recipients.length + admitted.leaves.length > RECIPIENTS_LIMIT)
        return refusals.tooManyRecipients;
      this.apply(admitted.changes);
      const recipients = this.#take(admitted);
      this.#offers.push({ address: offer.address, ids: recipients.map(({ id }) => id) });
      return { at: "admitted", recipients };
    } catch (cause) {
      return this.#fault(cause, "a recipient could not be judged");
    }
  }

  receive(sizeHintBytes: number | null): Intake {
    const intake = this.#room.spool.receive(sizeHintBytes);
    this.#intakes.push(intake);
    return intake;
  }

  async submit(message: Message): Promise<Submitted> {
    try {
      return await this.#submit(asStored(message));
    } catch (cause) {
      if (isSpoolFull(cause)) {
        this.#room.log.warn({ id: this.envelope.id }, "no room in the spool");
        return refusals.spoolFull;
      }
      return this.#fault(cause, "a message could not be kept");
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const intake of this.#intakes.splice(0)) {
      try {
        // What became a message in the spool is the spool's; everything else is forgotten here.
        await intake.abort();
      } catch (cause) {
        this.#room.log.warn({ id: this.envelope.id, err: cause }, "what was received could not be cleared away");
      }
    }
    this.#room.kernel.notice("transactionEnd", this.envelope);
  }

  async #submit(received: StoredMessage): Promise<Submitted> {
    const { envelope } = this;
    const begunMs = this.#room.clock.now();
    if (envelope.recipients.length === 0) return refusals.noRecipients;
    if (this.#rules.traces && countHops(received.header) > (this.#room.hopsLimit ?? HOPS_LIMIT))
      return refusals.tooManyHops;
    let message = await this.#edit(received);

    let judgement: Judgement | null = null;
    if (this.#rules.asksMessage) {
      const whole = await checkWhole(this.#room.kernel, envelope, message);
      if (whole.at === "refused") return whole;
      if (whole.at === "discarded")
        return this.#discarded(
          whole.reason,
          whole.by,
          this.#offers.map(() => ({ at: "queued" })),
        );
      this.apply(whole.changes);
      if (whole.quarantine !== null) {
        const { reason, by } = whole.quarantine;
        envelope.quarantine = reason;
        if (by !== null) noteHolder(envelope, reason, by);
      }
      message = await this.#edit(message);
      const checks = await checkEach(this.#room.kernel, envelope, message);
      if (checks) {
        const offers = this.#offers.map(({ ids }) => ids);
        judgement = judge(checks, offers, this.#repliesEach);
        if (judgement.refused) return judgement.refused;
        const { dropped } = judgement;
        if (dropped.size > 0) envelope.removeRecipients(({ id }) => dropped.has(id));
      }
    }
    const replies = judgement?.replies ?? this.#offers.map(() => ({ at: "queued" as const }));
    if (envelope.recipients.length === 0) return this.#discarded("for each recipient", null, replies);

    const refused = await this.#applyToRecipients();
    if (refused) return refused;
    const finished = await this.#finish(message);
    if ("at" in finished) return finished;
    // The client (where there is one) has given up and will come again: now it would be there twice.
    if (this.#rules.hasClient && this.#room.clock.now() - begunMs > ANSWER_MS) return refusals.tooLate;
    const failed = await this.#keep(finished.message, judgement?.quarantined ?? new Map());
    return failed ?? { at: "queued", id: envelope.id, replies };
  }

  /** The header and body changes collected so far, applied. */
  async #edit(message: StoredMessage): Promise<StoredMessage> {
    if (this.#changes.length === 0) return message;
    const edits = this.#changes.filter(isMessageChange);
    if (edits.length === 0) return message;
    this.#changes = this.#changes.filter((change) => !isMessageChange(change));
    return applyToMessage(message, edits, () => this.receive(null));
  }

  /** `redirect` replaces everybody, `addRecipient` adds; both lead through the alias maps. */
  async #applyToRecipients(): Promise<Refused | null> {
    if (this.#changes.length === 0) return null;
    const changes = this.#changes;
    this.#changes = [];
    const redirect = changes.findLast((change) => change.op === "redirect");
    if (redirect) {
      const notify = this.envelope.recipients[0]?.notify ?? nobodyAsked;
      const leaves = await targetsOfChange(this.#room, this.envelope, redirect.address, { notify });
      if (leaves.at === "refused") return leaves;
      this.envelope.removeRecipients(() => true);
      this.#byAddress.clear();
      this.#receipts = [];
      this.#take(leaves);
    }
    for (const change of changes) {
      if (change.op !== "addRecipient") continue;
      const { address, notify = nobodyAsked } = change;
      const leaves = await targetsOfChange(this.#room, this.envelope, address, { notify });
      if (leaves.at === "refused") return leaves;
      this.#take(leaves);
    }
    return null;
  }

  /** Completion, `prepare`, `Received:`, `sign`. */
  async #finish(message: StoredMessage): Promise<{ readonly message: StoredMessage } | Refused> {
    const { envelope } = this;
    const { kernel, facts, clock } = this.#room;
    const nowMs = clock.now();
    const whole = completes(this.#rules, envelope) ? completed(message, envelope, facts, nowMs) : message;
    let current = await this.#edit(whole);
    if (this.#rules.prepares && kernel.hears("prepare")) {
      const prepared = await this.#transform("prepare", current);
      if ("at" in prepared) return prepared;
      current = prepared;
    }
    if (this.#rules.traces) {
      const only = this.#offers.length === 1 ? this.#offers[0] : undefined;
      const address = only ? only.address.toString() : null;
      current = editMessage(current, [
        receivedField(envelope, facts, { nowMs, address, isClientHidden: this.#isClientHidden }),
      ]);
    }
    if (this.#rules.signs && kernel.hears("sign")) {
      const signed = await this.#transform("sign", current);
      if ("at" in signed) return signed;
      current = signed;
    }
    noteTransport(envelope, current);
    return { message: current };
  }

  get #isClientHidden(): boolean {
    const { session } = this.envelope;
    return session !== null && this.#room.hiddenClients?.has(session.listener.name) === true;
  }

  async #transform(hook: "prepare" | "sign", message: StoredMessage): Promise<StoredMessage | Refused> {
    const { message: after, fault, by, changes } = await this.#room.kernel.transform(hook, this.envelope, message);
    if (fault) return refusedBy(fault, by);
    // The message has its part of the changes already.
    this.apply(changes.filter((change) => !isMessageChange(change)));
    return (await this.#applyToRecipients()) ?? asStored(after);
  }

  /** `null`: every part is durable and on its way. */
  async #keep(message: StoredMessage, quarantined: Judgement["quarantined"]): Promise<Refused | null> {
    const { kernel, queue, clock, log } = this.#room;
    const parts: EnvelopeState[] = [];
    for (const part of partition(this.envelope, { reversePaths: this.#reversePaths, quarantined })) {
      if (!this.#rules.claimsQueue || !kernel.hears("queue")) {
        parts.push(part);
        continue;
      }
      const asked = kernel.claim("queue", part, message);
      const { verdict, by } = asked instanceof Promise ? await asked : asked;
      if (verdict === null) parts.push(part);
      else if (verdict.verdict !== "queued") return refusedBy(verdict, by);
      else log.info({ id: part.id, by, as: verdict.id }, "taken over by a plugin");
    }
    const [first] = parts;
    if (first) first.receipts = this.#receiptsLeft();
    const acceptedAt = clock.now();
    await acceptAll(this.#room, parts, message, acceptedAt);
    // A body in a file belongs to one of several parts; the others read theirs back.
    const atHand = message.inMemory() !== null || parts.length === 1 ? message : null;
    for (const part of parts) {
      log.info(summary(part, message), part.hold === null && part.quarantine === null ? "queued" : "queued on hold");
      queue.enqueue(part, atHand, acceptedAt);
      kernel.notice("queued", part);
    }
    return null;
  }

  /** Puts leaves on the envelope; an address that is there already is there once. Answers all that the leaves stand for. */
  #take({ leaves, receipts }: Found): readonly Recipient[] {
    const added: Recipient[] = [];
    const all = leaves.map(({ recipient, reversePath }) => {
      const key = recipient.address.toString();
      const known = this.#byAddress.get(key);
      if (known) return known;
      this.#byAddress.set(key, recipient);
      if (reversePath !== undefined) this.#reversePaths.set(recipient.id, reversePath);
      added.push(recipient);
      return recipient;
    });
    if (added.length > 0) this.envelope.admit(added);
    const ids = all.map(({ id }) => id);
    for (const receipt of receipts) this.#receipts.push({ receipt, ids });
    return all;
  }

  /** What the sender is told of names behind which somebody gets the message. */
  #receiptsLeft(): EnvelopeState["receipts"] {
    const { reversePath, recipients, envid } = this.envelope;
    if (reversePath === null || this.#receipts.length === 0) return null;
    const left = new Set(recipients.map(({ id }) => id));
    const told = this.#receipts.filter(({ ids }) => ids.some((id) => left.has(id)));
    return told.length === 0 ? null : { to: reversePath, envid, names: told.map(({ receipt }) => receipt) };
  }

  #discarded(reason: string, by: string | null, replies: Exclude<Submitted, Refused>["replies"]): Submitted {
    this.#room.log.info({ id: this.envelope.id, by, reason }, "discarded");
    return { at: "discarded", id: this.envelope.id, replies };
  }

  #fault(cause: unknown, text: string): Refused {
    this.#room.log.error({ id: this.envelope.id, err: cause }, text);
    return refusals.unavailable;
  }
}

const completes = ({ completes: when }: OriginRules, { session }: EnvelopeState): boolean =>
  when === "always" || (when === "submission" && session?.listener.role === "submission");

const isSpoolFull = (cause: unknown): boolean =>
  cause instanceof SpoolFull || (cause instanceof Error && "code" in cause && cause.code === "SPOOL_FULL");

/** All or nothing: what was kept before another part failed is taken back, and none has been on its way yet. */
async function acceptAll(
  { spool, queue, log }: SubmitRoom,
  parts: readonly EnvelopeState[],
  message: StoredMessage,
  acceptedAt: number,
): Promise<void> {
  const [only] = parts;
  if (parts.length === 1 && only) return spool.accept(toSpool(only, acceptedAt), message);
  const ids = parts.map(({ id }) => id);
  queue.expect(ids);
  const kept = await Promise.allSettled(parts.map((part) => spool.accept(toSpool(part, acceptedAt), message)));
  const failure = kept.find((result) => result.status === "rejected");
  if (!failure) return;
  for (const [index, part] of parts.entries()) {
    if (kept[index]?.status !== "fulfilled") continue;
    try {
      await spool.remove(part.id);
    } catch (cause) {
      log.error({ id: part.id, err: cause }, "a refused message could not be taken back: it may be delivered as well");
    }
  }
  queue.forget(ids);
  throw failure.reason;
}

const summary = (envelope: EnvelopeState, message: StoredMessage): object => ({
  id: envelope.id,
  origin: envelope.origin,
  from: envelope.reversePath === null ? "" : envelope.reversePath.toString(),
  recipients: envelope.recipients.length,
  sizeBytes: message.sizeBytes,
  ...(envelope.session && { session: envelope.session.id, client: envelope.session.remote.address }),
  ...(envelope.session?.tls && { tls: tlsSummary(envelope.session.tls) }),
  ...(envelope.session?.forwarded && { forwarded: envelope.session.forwarded }),
  ...((envelope.hold ?? envelope.quarantine) !== null && { hold: envelope.hold ?? envelope.quarantine }),
});

const tlsSummary = ({ protocol, cipher, clientName }: TlsFacts): string =>
  `${protocol} ${cipher}${clientName ? ` client ${clientName}` : ""}`;
