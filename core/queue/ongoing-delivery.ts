/**
 * One delivery as `deliver` handlers see it. A settlement is remembered at once, so that nobody tries that recipient again, and is
 * durable when `settle` resolves; if the record fails, `settle` rejects and the queue writes it again later. A settlement that
 * comes after the handler has ended still counts, as long as the message is there.
 */
import type { Delivery, Outcome, RemoteReply } from "../contracts/delivery.ts";
import type { Envelope, Message, Recipient } from "../contracts/envelope.ts";
import type { SpoolOutcome } from "../contracts/spool.ts";
import type { Routed } from "../contracts/verdicts.ts";
import type { Job } from "./job.ts";
import { checkedOutcome, speaksOfDestination } from "./outcome.ts";
import { type Feedback, silent, works } from "./standing.ts";

/** Keeps an outcome: in the job, in the spool, in the log. */
export type Keep = (job: Job, recipient: Recipient, outcome: SpoolOutcome, delivery: Delivery) => Promise<void>;

export class OngoingDelivery implements Delivery {
  readonly route: Routed;
  readonly attempt: number;
  readonly isFirstTry: boolean;
  readonly #job: Job;
  readonly #keep: Keep;
  readonly #isLate: (delivery: OngoingDelivery, recipient: Recipient) => void;
  readonly #offered: readonly Recipient[];
  #recipients: readonly Recipient[];
  #isEnded = false;
  /** Who has it now, or had it last. */
  #by: string | null = null;
  /** What its outcomes say of the destination. */
  #hasWorked = false;
  #failure: RemoteReply | null = null;

  constructor(about: {
    readonly job: Job;
    readonly route: Routed;
    readonly recipients: readonly Recipient[];
    readonly keep: Keep;
    /** Told about a recipient that is settled twice, or after the end. */
    readonly isLate: (delivery: OngoingDelivery, recipient: Recipient) => void;
  }) {
    this.#job = about.job;
    this.route = about.route;
    this.attempt = about.job.attempts;
    this.isFirstTry = about.job.isFresh && about.job.attempts === 1;
    this.#offered = about.recipients;
    this.#recipients = about.recipients;
    this.#keep = about.keep;
    this.#isLate = about.isLate;
  }

  get envelope(): Envelope {
    return this.#job.envelope;
  }

  get message(): Message {
    return this.#job.message;
  }

  get recipients(): readonly Recipient[] {
    return this.#recipients;
  }

  async settle(recipient: Recipient, outcome: Outcome): Promise<void> {
    const mine = this.#offered.find(({ id }) => id === recipient.id);
    if (!mine) throw new RangeError("this delivery has no such recipient");
    const checked = checkedOutcome(outcome);
    if (this.#isEnded || !this.#recipients.includes(mine)) {
      this.#isLate(this, mine);
      // A final outcome is a fact, whenever it is told; what was put off has been put off already.
      if (!this.#isEnded || checked.at === "deferred" || !this.#job.isOpen(mine.id)) return;
    }
    this.#recipients = this.#recipients.filter((open) => open !== mine);
    if (speaksOfDestination(outcome, this.route)) this.#failure = checked.reply;
    else this.#hasWorked = true;
    const isPutOffBy = checked.at === "deferred" && this.#by !== null;
    await this.#keep(this.#job, mine, isPutOffBy ? { ...checked, by: this.#by as string } : checked, this);
  }

  /** The plugin with this id has it next. */
  readonly offered = (by: string): void => {
    this.#by = by;
  };

  get feedback(): Feedback {
    if (this.#failure) return { at: this.#hasWorked ? "falters" : "fails", reply: this.#failure };
    return this.#hasWorked ? works : silent;
  }

  /** Nobody is offered it any more. Answers who is left. */
  end(): readonly Recipient[] {
    this.#isEnded = true;
    return this.#recipients;
  }
}
