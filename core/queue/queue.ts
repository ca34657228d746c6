/**
 * The queue: what has been accepted goes on from here. Fresh messages come from memory and are tried at once; all others wait in a
 * heap of ids and are read back from the spool when they are due. Memory is bounded whatever the backlog; a fault puts a message
 * off and never loses it: the spool has it until every recipient is settled and every report is durable.
 */
import type { Delivery, Outcome } from "../contracts/delivery.ts";
import type { Message, Recipient } from "../contracts/envelope.ts";
import type { EnvelopeState } from "../kernel/envelope.ts";
import { type Alarm, timerAlarm } from "./alarm.ts";
import { attempt } from "./attempt.ts";
import { type ConclusionRoom, conclude } from "./conclusion.ts";
import { DueHeap } from "./due-heap.ts";
import { Fifo } from "./fifo.ts";
import { isFinal, Job } from "./job.ts";
import { Lanes } from "./lanes.ts";
import { replyText } from "./outcome.ts";
import { defaultQueueOptions, type QueueOptions } from "./queue-options.ts";
import { QueueRuns } from "./queue-runs.ts";
import type { ReportRoom } from "./reports.ts";

export interface QueueRoom extends Omit<ReportRoom, "options"> {
  readonly options?: Partial<QueueOptions>;
  readonly alarm?: Alarm;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export interface QueueStats {
  /** Waiting for their first try, or to be read back. */
  readonly ready: number;
  /** Waiting for their time. */
  readonly deferred: number;
  /** Messages being worked on, and deliveries among them. */
  readonly active: number;
  readonly delivering: number;
  /** Waiting for a destination that is far behind. */
  readonly parked: number;
  /** Set aside since the start. */
  readonly held: number;
  /** The spool is being asked what is due; there may be more than the figures say. */
  readonly isLookingAhead: boolean;
}

export interface Queue {
  /** Picks up what an earlier run left. Resolves when what is due is known; it is not yet delivered then. */
  start(): Promise<void>;
  /** Takes over what the spool has accepted; `null`: it is to be read back. */
  enqueue(envelope: EnvelopeState, message: Message | null, acceptedAt: number): void;
  /** Tries everything now that waits for its time. */
  flush(): void;
  /** The same for what waits for one domain; `.example.org` is the domain and its subdomains. Resolves with the number of recipients. */
  flushDomain(domain: string): Promise<number>;
  stats(): QueueStats;
  /** Starts nothing more, and waits for what runs until the signal or `drainMs`. What was not tried stays in the spool. */
  stop(signal?: AbortSignal): Promise<void>;
}

export const createQueue = (room: QueueRoom): Queue => new SpoolQueue(room);

interface Waiting {
  readonly id: string;
  /** `null`: it is read back. */
  readonly job: Job | null;
}

/** How far ahead the spool is asked for what is due, and how often. */
const HORIZON_MS = 20 * 60_000;
const LOOK_AHEAD_EVERY_MS = HORIZON_MS / 2;
/** Messages being read back at the same time: their size is not known before. */
const LOADING_LIMIT = 50;

class SpoolQueue implements Queue {
  readonly #room: QueueRoom;
  readonly #options: QueueOptions;
  readonly #conclusion: ConclusionRoom;
  readonly #alarm: Alarm;
  readonly #lanes: Lanes;
  readonly #fresh = new Fifo<Waiting>();
  readonly #deferred = new DueHeap();
  readonly #active = new Map<string, Job | null>();
  /** Messages with outcomes that the spool would not record: forgetting them would repeat a delivery. */
  readonly #unrecorded = new Map<string, Job>();
  readonly #idle: (() => void)[] = [];
  #bytes = 0;
  #loading = 0;
  #held = 0;
  #isFreshNext = true;
  #isPumpSet = false;
  #isLookingAhead = false;
  #isStopped = false;
  #callOffAlarm: () => void = () => {};
  #alarmAt = Number.POSITIVE_INFINITY;
  #callOffLookAhead: () => void = () => {};
  readonly #runs: QueueRuns;

  constructor(room: QueueRoom) {
    this.#room = room;
    this.#options = { ...defaultQueueOptions, ...room.options };
    this.#alarm = room.alarm ?? timerAlarm;
    const waitingPerKey = Math.max(1, Math.floor(this.#options.maxMessages / 10));
    this.#lanes = new Lanes({ inAll: this.#options.maxDeliveries, waitingPerKey }, (id) =>
      this.#ready({ id, job: null }),
    );
    this.#runs = new QueueRuns({
      spool: room.spool,
      log: room.log,
      waiting: async () => {
        await this.#learn(Number.POSITIVE_INFINITY);
        return this.#deferred.ids;
      },
      retry: (ids) => {
        for (const id of this.#deferred.takeOut(ids)) this.#ready({ id, job: null });
      },
    });
    this.#conclusion = {
      ...room,
      options: this.#options,
      random: room.random ?? Math.random,
      fail: (job, recipient, outcome) => this.#keep(job, recipient, outcome, null),
    };
  }

  flushDomain(domain: string): Promise<number> {
    return this.#runs.run(domain.toLowerCase());
  }

  async start(): Promise<void> {
    await this.#lookAhead();
    this.#pump();
  }

  enqueue(envelope: EnvelopeState, message: Message | null, acceptedAt: number): void {
    if (envelope.hold !== null || envelope.quarantine !== null) {
      this.#held += 1;
      return;
    }
    if (this.#isStopped) return;
    const job = message && new Job(envelope, message, acceptedAt);
    const fits =
      job !== null &&
      this.#fresh.size < this.#options.maxWaitingInMemory &&
      this.#bytes + job.bytes <= this.#options.maxBytes;
    if (fits) this.#bytes += job.bytes;
    this.#ready({ id: envelope.id, job: fits ? job : null });
  }

  flush(): void {
    for (let id = this.#deferred.takeDue(Number.POSITIVE_INFINITY); id !== null; ) {
      this.#fresh.push({ id, job: null });
      id = this.#deferred.takeDue(Number.POSITIVE_INFINITY);
    }
    this.#setPump();
  }

  stats(): QueueStats {
    return {
      ready: this.#fresh.size,
      deferred: this.#deferred.size,
      active: this.#active.size,
      delivering: this.#lanes.active,
      parked: this.#lanes.parked,
      held: this.#held,
      isLookingAhead: this.#isLookingAhead,
    };
  }

  async stop(signal?: AbortSignal): Promise<void> {
    this.#isStopped = true;
    this.#callOffAlarm();
    this.#callOffLookAhead();
    this.#lanes.stop();
    if (this.#active.size === 0) return;
    await new Promise<void>((resolve) => {
      const callOff = this.#alarm(this.#options.drainMs, resolve);
      const end = () => {
        callOff();
        resolve();
      };
      this.#idle.push(end);
      signal?.addEventListener("abort", end, { once: true });
      if (signal?.aborted) end();
    });
    const { size } = this.#active;
    if (size > 0)
      this.#room.log.warn({ active: size }, "stopped while messages were on their way; they are tried again");
  }

  /** Asks the spool for what an earlier run left and what is due soon. */
  async #lookAhead(): Promise<void> {
    const { clock, log } = this.#room;
    this.#isLookingAhead = true;
    try {
      await this.#learn(clock.now() + HORIZON_MS);
    } catch (cause) {
      log.error({ err: cause }, "the spool cannot say what is due; asking again later");
    }
    this.#isLookingAhead = false;
    if (this.#isStopped) return;
    this.#setAlarm();
    this.#callOffLookAhead = this.#alarm(LOOK_AHEAD_EVERY_MS, () => void this.#lookAhead());
  }

  /** The spool tells of each message once. */
  async #learn(until: number): Promise<void> {
    for await (const { id, dueAt } of this.#room.spool.recovered(until)) {
      if (this.#isStopped) return;
      if (!this.#active.has(id)) this.#deferred.add(id, dueAt);
    }
  }

  #ready(waiting: Waiting): void {
    this.#fresh.push(waiting);
    this.#setPump();
  }

  /** Soon, once for many: replies to clients leave before deliveries begin. */
  #setPump(): void {
    if (this.#isPumpSet) return;
    this.#isPumpSet = true;
    setImmediate(() => {
      this.#isPumpSet = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (let next = this.#isStopped ? null : this.#take(); next; next = this.#take()) void this.#work(next);
    this.#setAlarm();
  }

  /** New mail and retries take turns, so that neither holds the other up. Where memory is short, only what is in it already. */
  #take(): Waiting | null {
    if (this.#active.size >= this.#options.maxMessages) return null;
    const mayLoad = this.#loading < LOADING_LIMIT && (this.#active.size === 0 || this.#bytes < this.#options.maxBytes);
    if (!mayLoad) return this.#fresh.first?.job ? (this.#fresh.shift() ?? null) : null;
    this.#isFreshNext = !this.#isFreshNext;
    if (this.#isFreshNext) return this.#takeDue() ?? this.#fresh.shift() ?? null;
    return this.#fresh.shift() ?? this.#takeDue();
  }

  #takeDue(): Waiting | null {
    const id = this.#deferred.takeDue(this.#room.clock.now());
    return id === null ? null : { id, job: null };
  }

  #setAlarm(): void {
    const dueAt = this.#deferred.nextDueAt;
    if (dueAt === null || this.#isStopped || dueAt >= this.#alarmAt) return;
    const delayMs = dueAt - this.#room.clock.now();
    // Due, and yet not taken: there is no room. Whoever ends its work looks again.
    if (delayMs <= 0 && this.#active.size > 0) return;
    this.#callOffAlarm();
    this.#alarmAt = dueAt;
    this.#callOffAlarm = this.#alarm(delayMs, () => {
      this.#alarmAt = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  /** One message from here to its next rest. Never rejects. */
  async #work({ id, job: fresh }: Waiting): Promise<void> {
    if (this.#active.has(id)) {
      if (fresh) this.#bytes -= fresh.bytes;
      return;
    }
    this.#active.set(id, fresh);
    let job = fresh;
    try {
      job ??= this.#unrecorded.get(id) ?? (await this.#load(id));
      if (job) await this.#try(job);
    } catch (cause) {
      this.#room.log.error({ id, err: cause }, "a message could not be worked on, it is tried again later");
      this.#deferred.add(id, this.#room.clock.now() + this.#options.firstRetryMs);
    }
    if (job && job.unsaved.size > 0) this.#unrecorded.set(id, job);
    else if (job) {
      this.#unrecorded.delete(id);
      this.#bytes -= job.bytes;
    }
    this.#active.delete(id);
    if (this.#active.size === 0) for (const done of this.#idle.splice(0)) done();
    this.#setPump();
  }

  async #load(id: string): Promise<Job | null> {
    this.#loading += 1;
    const entry = await this.#room.spool.read(id).finally(() => {
      this.#loading -= 1;
    });
    if (entry === null) return null;
    if (entry.envelope.hold !== null) {
      this.#held += 1;
      return null;
    }
    const job = Job.fromSpool(entry);
    this.#bytes += job.bytes;
    this.#active.set(id, job);
    // While reading, nobody else was let in.
    this.#setPump();
    return job;
  }

  async #try(job: Job): Promise<void> {
    const { kernel, log } = this.#room;
    const keep = this.#keep.bind(this);
    const result = await attempt({ kernel, log, options: this.#options }, this.#lanes, job, keep);
    if (result.at === "parked") this.#lanes.park(result.key, job.id);
    // What was not tried stays due: the next run begins with it.
    if (result.at !== "tried") return;
    const dueAt = await conclude(this.#conclusion, job);
    if (dueAt !== null) this.#deferred.add(job.id, dueAt);
  }

  /** An outcome: remembered, made durable, told. */
  async #keep(job: Job, recipient: Recipient, outcome: Outcome, delivery: Delivery | null): Promise<void> {
    const known = job.outcomes.get(recipient.id);
    job.outcomes.set(recipient.id, outcome);
    // A settlement that comes late finds the message at work again.
    const atWork = this.#active.get(job.id);
    if (atWork && atWork !== job) atWork.outcomes.set(recipient.id, outcome);
    if (outcome.at === "deferred") job.lastReply = outcome.reply;
    this.#log(job, recipient, outcome, delivery);
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

  #log(job: Job, recipient: Recipient, outcome: Outcome, delivery: Delivery | null): void {
    const { reply } = outcome;
    const fields = {
      id: job.id,
      recipient: recipient.address.toString(),
      ...(recipient.parents[0] && { original: recipient.parents[0].toString() }),
      ...(delivery && { transport: delivery.route.transport, nextHop: delivery.route.nextHop }),
      attempt: job.attempts,
      delayMs: this.#room.clock.now() - job.acceptedAt,
      reply: replyText(reply),
      host: reply.host,
    };
    this.#room.log.info(fields, outcome.at);
  }
}
