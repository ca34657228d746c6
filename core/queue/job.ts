/** A message that is being worked on: envelope and bytes at hand, and what has become of each recipient so far. */
import type { Outcome, RemoteReply } from "../contracts/delivery.ts";
import type { Message, Recipient } from "../contracts/envelope.ts";
import type { SpoolEntry, SpoolOutcome } from "../contracts/spool.ts";
import { type EnvelopeState, fromSpool } from "../kernel/envelope.ts";

export class Job {
  readonly envelope: EnvelopeState;
  readonly message: Message;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  attempts: number;
  /** It comes straight from its sender: no process but this one has seen it. */
  readonly isFresh: boolean;
  warnedAt: number | null;
  lastReply: RemoteReply | null;
  readonly outcomes: Map<number, SpoolOutcome>;
  /** Outcomes whose record failed: they are written again before anything else is done with the message. */
  readonly unsaved = new Set<number>();

  constructor(envelope: EnvelopeState, message: Message, acceptedAt: number, isFresh = false) {
    this.isFresh = isFresh;
    this.envelope = envelope;
    this.message = message;
    this.acceptedAt = acceptedAt;
    this.attempts = 0;
    this.warnedAt = null;
    this.lastReply = null;
    this.outcomes = new Map();
  }

  static fromSpool({ envelope, state, message }: SpoolEntry): Job {
    const job = new Job(fromSpool(envelope), message, envelope.acceptedAt);
    job.attempts = state.attempts;
    job.warnedAt = state.warnedAt;
    job.lastReply = state.lastReply;
    for (const [id, outcome] of Object.entries(state.outcomes)) job.outcomes.set(Number(id), outcome);
    return job;
  }

  get id(): string {
    return this.envelope.id;
  }

  /** Bytes it holds in memory, roughly. */
  get bytes(): number {
    return (this.message.inMemory() === null ? 0 : this.message.sizeBytes) + 1024;
  }

  /** Recipients that are still to be tried. */
  open(): readonly Recipient[] {
    return this.envelope.recipients.filter(({ id }) => !isFinal(this.outcomes.get(id)));
  }

  isOpen(recipientId: number): boolean {
    return !isFinal(this.outcomes.get(recipientId));
  }
}

export const isFinal = (outcome: Outcome | undefined): boolean => outcome !== undefined && outcome.at !== "deferred";
