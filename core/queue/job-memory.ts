/**
 * The messages in memory, and what is told of their recipients: remembered at once, so that nobody is tried again, durable when `keep`
 * resolves, and then told to log and plugins. What the spool would not record stays in memory until it can be written: forgetting
 * it would repeat a delivery.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Delivery, Outcome } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool, SpoolOutcome } from "../contracts/spool.ts";
import { isFinal, type Job } from "./job.ts";
import { replyText } from "./outcome.ts";

export interface JobMemoryRoom {
  readonly kernel: Kernel;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
}

export class JobMemory {
  readonly #room: JobMemoryRoom;
  readonly #atWork = new Map<string, Job>();
  readonly #unrecorded = new Map<string, Job>();
  #bytes = 0;

  constructor(room: JobMemoryRoom) {
    this.#room = room;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(job: Job): void {
    this.#bytes += job.bytes;
  }

  /** A settlement that comes late finds it. */
  begin(job: Job): void {
    this.#atWork.set(job.id, job);
  }

  /** What the queue knows better than the spool. */
  unrecorded(id: string): Job | null {
    return this.#unrecorded.get(id) ?? null;
  }

  /** Out of memory, unless it knows what nobody else does. */
  drop(job: Job): void {
    this.#atWork.delete(job.id);
    if (job.unsaved.size > 0) this.#unrecorded.set(job.id, job);
    else {
      this.#unrecorded.delete(job.id);
      this.#bytes -= job.bytes;
    }
  }

  /** Rejects when the spool does: it is written again later. */
  async keep(job: Job, recipient: Recipient, outcome: SpoolOutcome, delivery: Delivery | null): Promise<void> {
    const known = job.outcomes.get(recipient.id);
    job.outcomes.set(recipient.id, outcome);
    // A settlement that comes late finds the message at work again.
    const atWork = this.#atWork.get(job.id);
    if (atWork && atWork !== job) atWork.outcomes.set(recipient.id, outcome);
    if (outcome.at === "deferred") job.lastReply = outcome.reply;
    this.#tell(job, recipient, outcome, delivery);
    const isNews = isFinal(outcome) || known === undefined || replyText(known.reply) !== replyText(outcome.reply);
    if (isNews) {
      try {
        await this.#room.spool.settle(job.id, recipient.id, outcome);
      } catch (cause) {
        job.unsaved.add(recipient.id);
        throw cause;
      }
    }
    if (delivery) this.#room.kernel.notice("settled", delivery, recipient, outcome);
  }

  #tell(job: Job, recipient: Recipient, outcome: Outcome, delivery: Delivery | null): void {
    const { reply } = outcome;
    const fields = {
      id: job.id,
      recipient: recipient.address.toString(),
      // Left out of the line where there is none.
      original: recipient.parents[0]?.toString(),
      transport: delivery?.route.transport,
      nextHop: delivery?.route.nextHop,
      attempt: job.attempts,
      delayMs: this.#room.clock.now() - job.acceptedAt,
      reply: replyText(reply),
      host: reply.host,
    };
    this.#room.log.info(fields, outcome.at);
  }
}
