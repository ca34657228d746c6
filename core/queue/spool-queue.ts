/**
 * The queue over a spool. Fresh messages come from memory and are tried at once; all others are known by their ids at the most, and are
 * read back from the spool when they are due. Memory is bounded whatever the backlog; a fault puts a message off and never loses
 * it: the spool has it until every recipient is settled and every report is durable.
 */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Message } from "../contracts/envelope.ts";
import type { EnvelopeState } from "../kernel/envelope.ts";
import { createActions } from "./actions.ts";
import { type Alarm, timerAlarm } from "./alarm.ts";
import { AtHand } from "./at-hand.ts";
import { type AttemptRoom, attempt } from "./attempt.ts";
import { Backlog } from "./backlog.ts";
import { type ConclusionRoom, conclude, saveAgain } from "./conclusion.ts";
import { createDestinationLimits } from "./destination-limits.ts";
import { Exclusive } from "./exclusive.ts";
import { inParallel } from "./in-parallel.ts";
import { Job } from "./job.ts";
import { JobMemory } from "./job-memory.ts";
import { Lanes } from "./lanes.ts";
import { priorityOf } from "./priority.ts";
import type { Queue, QueueRoom, QueueStats } from "./queue.ts";
import { defaultQueueOptions, type QueueOptions } from "./queue-options.ts";
import { QueueRuns } from "./queue-runs.ts";
import { gone, parked, type Rest, ready } from "./rest.ts";
import { Shares } from "./shares.ts";
import { Ticket } from "./ticket.ts";

export const createQueue = (room: QueueRoom): Queue => new SpoolQueue(room);

/** How often the spool is asked for what is due soon, whether or not anything is known to be lacking. */
const LOOK_AHEAD_EVERY_MS = 10 * 60_000;
/** Messages being read back at the same time: their size is not known before. */
const LOADING_LIMIT = 50;
/** Messages that are made due at the same time: they are made durable together. */
const FLUSHED_AT_ONCE = 16;
/** How soon what finds no room in a lane may come again. */
const LEAST_PUT_OFF_MS = 5_000;
/** Part of the time that a destination is left alone, over which what waits for it comes back. */
const RETURN_SPREAD = 0.2;

class SpoolQueue implements Queue {
  readonly #room: QueueRoom;
  readonly #options: QueueOptions;
  readonly #random: () => number;
  readonly #alarm: Alarm;
  readonly #lanes: Lanes;
  readonly #attempts: AttemptRoom;
  readonly #conclusion: ConclusionRoom;
  readonly #runs: QueueRuns;
  readonly #atHand: AtHand;
  readonly #shares: Shares;
  readonly #jobs: JobMemory;
  readonly #exclusive: Exclusive;
  readonly #idle: (() => void)[] = [];
  #loading = 0;
  #held = 0;
  #isPumpSet = false;
  #looking: Promise<void> | null = null;
  #flushing: Promise<number> | null = null;
  #isStopped = false;
  #callOffAlarm: () => void = () => {};
  #alarmAt = Number.POSITIVE_INFINITY;
  #callOffLookAhead: () => void = () => {};
  readonly #makeDue: Queue["retry"];
  readonly hold: Queue["hold"];
  readonly release: Queue["release"];
  readonly retry: Queue["retry"];
  readonly remove: Queue["remove"];
  readonly bounce: Queue["bounce"];
  readonly requeue: Queue["requeue"];

  constructor(room: QueueRoom) {
    this.#room = room;
    const options = { ...defaultQueueOptions, ...room.options };
    this.#options = options;
    this.#alarm = room.alarm ?? timerAlarm;
    this.#random = room.random ?? Math.random;
    this.#jobs = new JobMemory(room);
    this.#atHand = new AtHand(options.maxAtHand, new Backlog(room), this.#may);
    this.#shares = new Shares(options.maxMessages);
    this.#lanes = new Lanes({
      clock: room.clock,
      alarm: this.#alarm,
      log: room.log,
      inAll: options.maxDeliveries,
      waitingPerKey: Math.max(1, Math.floor(options.maxMessages / 10)),
      parkedFreely: Math.floor(options.maxAtHand / 4),
      parkedPerKey: Math.max(1, Math.floor(options.maxAtHand / 50)),
      putOff: { leastMs: Math.min(options.firstRetryMs, LEAST_PUT_OFF_MS), mostMs: options.maxRetryMs },
      standing: { deadAfter: options.deadAfter, schedule: options, random: this.#random },
      unpark: (ticket) => this.#put(ticket, ready),
    });
    this.#attempts = {
      ...{ kernel: room.kernel, log: room.log, options, lanes: this.#lanes },
      limitsOf: createDestinationLimits(options),
      keep: (job, recipient, outcome, delivery) => this.#jobs.keep(job, recipient, outcome, delivery),
    };
    this.#conclusion = {
      ...room,
      options,
      random: this.#random,
      fail: (job, recipient, outcome) => this.#jobs.keep(job, recipient, outcome, null),
    };
    this.#runs = new QueueRuns({ ...room, retry: (id) => this.#force(id) });
    this.#exclusive = new Exclusive({
      atHand: this.#atHand,
      isStopped: () => this.#isStopped,
      unload: (ticket) => this.#unload(ticket),
      put: (ticket, rest) => this.#put(ticket, rest),
      ended: () => this.#ended(),
    });
    const { spool, log } = room;
    const actions = createActions({
      ...{ spool, log, lift: () => this.#lanes.lift() },
      exclusively: (id, change) => this.#exclusive.run(id, change),
      catchUp: (id) => this.#catchUp(id),
      fail: this.#conclusion.fail,
      conclude: (job) => conclude(this.#conclusion, job),
    });
    this.#makeDue = actions.makeDue;
    this.hold = actions.hold;
    this.release = actions.release;
    this.retry = actions.retry;
    this.remove = actions.remove;
    this.bounce = actions.bounce;
    this.requeue = actions.requeue;
  }

  async start(): Promise<void> {
    await this.#lookAhead();
    this.#pump();
  }

  expect(ids: readonly string[]): void {
    for (const id of ids) this.#atHand.claim(id, "expected");
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) {
      const ticket = this.#atHand.get(id);
      if (ticket?.at === "expected") this.#put(ticket, gone);
    }
  }

  enqueue(envelope: EnvelopeState, message: Message | null, acceptedAt: number): void {
    const known = this.#atHand.get(envelope.id);
    // Found in the spool already.
    if (known && known.at !== "expected") return;
    if (envelope.hold !== null || envelope.quarantine !== null) this.#held += 1;
    if (envelope.hold !== null || envelope.quarantine !== null || this.#isStopped) {
      if (known) this.#put(known, gone);
      return;
    }
    const ticket = known ?? new Ticket(envelope.id);
    ticket.priority = priorityOf(envelope);
    const job = message && new Job(envelope, message, acceptedAt, true);
    const fits =
      job !== null &&
      this.#jobs.bytes + job.bytes <= this.#options.maxBytes &&
      !this.#atHand.isCrowded(ticket, this.#options.maxWaitingInMemory);
    if (!this.#atHand.addFresh(ticket, this.#room.clock.now())) return;
    if (fits) {
      ticket.job = job;
      this.#jobs.add(job);
    }
    this.#setPump();
  }

  flush(): Promise<number> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  flushDomain(domain: string): Promise<number> {
    this.#lanes.lift();
    return this.#runs.run(domain.toLowerCase());
  }

  stats(): QueueStats {
    return {
      ready: this.#atHand.ready,
      deferred: this.#atHand.waiting,
      active: this.#active,
      delivering: this.#lanes.active,
      parked: this.#lanes.parked,
      held: this.#held,
      isLookingAhead: this.#looking !== null,
    };
  }

  stateOf(id: string): "active" | "ready" | null {
    const ticket = this.#atHand.get(id);
    if (!ticket || ticket.at === "due") return null;
    return ticket.at === "active" ? "active" : "ready";
  }

  async stop(signal?: AbortSignal): Promise<void> {
    this.#isStopped = true;
    this.#callOffAlarm();
    this.#callOffLookAhead();
    this.#lanes.stop();
    if (this.#active === 0) return;
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
    if (this.#active > 0)
      this.#room.log.warn({ active: this.#active }, "stopped while messages were on their way; they are tried again");
  }

  get #active(): number {
    return this.#shares.active + this.#exclusive.running;
  }

  async #flush(): Promise<number> {
    this.#lanes.lift();
    let count = this.#atHand.force();
    this.#setPump();
    const { spool, clock } = this.#room;
    const begunMs = clock.now();
    await inParallel(spool.recovered(Number.POSITIVE_INFINITY), FLUSHED_AT_ONCE, async ({ id, dueAt }) => {
      if (!this.#isStopped && dueAt > begunMs && (await this.#force(id))) count += 1;
    });
    return count;
  }

  /** `false`: there is no such message, or somebody is at work on it. */
  async #force(id: string): Promise<boolean> {
    const ticket = this.#atHand.get(id);
    if (ticket) {
      const isForced = this.#atHand.forceOne(ticket);
      if (isForced) this.#setPump();
      return isForced;
    }
    return (await this.#makeDue(id)) === "changed";
  }

  async #catchUp(id: string): Promise<void> {
    const left = this.#jobs.unrecorded(id);
    if (!left) return;
    await saveAgain(this.#room, left);
    this.#jobs.drop(left);
  }

  /** Asks the spool for what is due now or soon and not at hand. Never rejects. */
  async #lookAhead(): Promise<void> {
    this.#callOffLookAhead();
    this.#looking ??= this.#atHand.refill().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
    if (this.#isStopped) return;
    this.#setPump();
    this.#callOffLookAhead();
    this.#callOffLookAhead = this.#alarm(LOOK_AHEAD_EVERY_MS, () => void this.#lookAhead());
  }

  #put(ticket: Ticket, rest: Rest): void {
    this.#atHand.put(ticket, rest);
    if (rest.at === "ready") this.#setPump();
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
    if (this.#isStopped) return;
    const nowMs = this.#room.clock.now();
    for (let next = this.#atHand.take(nowMs); next; next = this.#atHand.take(nowMs)) void this.#work(next);
    if (this.#looking === null && this.#atHand.lacks(nowMs)) void this.#lookAhead();
    this.#setAlarm();
  }

  /** Where memory is short, only what is in it already. */
  readonly #may = (ticket: Ticket): boolean => this.#shares.may(ticket) && (ticket.job !== null || this.#mayLoad);

  get #mayLoad(): boolean {
    return this.#loading < LOADING_LIMIT && (this.#shares.active === 0 || this.#jobs.bytes < this.#options.maxBytes);
  }

  #setAlarm(): void {
    const nextAtMs = this.#atHand.nextAtMs;
    if (nextAtMs === null || nextAtMs >= this.#alarmAt) return;
    const delayMs = nextAtMs - this.#room.clock.now();
    // Due, and yet not taken: whoever ends its work looks again.
    if (delayMs <= 0) return;
    this.#callOffAlarm();
    this.#alarmAt = nextAtMs;
    this.#callOffAlarm = this.#alarm(delayMs, () => {
      this.#alarmAt = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  /** One message from here to its next rest. Never rejects. */
  async #work(ticket: Ticket): Promise<void> {
    const { id } = ticket;
    ticket.at = "active";
    ticket.isRecalled = false;
    this.#shares.take(ticket);
    let job = ticket.job;
    ticket.job = null;
    let rest: Rest;
    try {
      job ??= this.#jobs.unrecorded(id);
      const found = job ?? (await this.#load(ticket));
      if (found instanceof Job) {
        job = found;
        this.#jobs.begin(job);
        rest = await this.#try(ticket, job);
      } else rest = found;
    } catch (cause) {
      this.#room.log.error({ id, err: cause }, "a message could not be worked on, it is tried again later");
      rest = { at: "due", dueAt: this.#room.clock.now() + this.#options.firstRetryMs };
    }
    if (job) this.#jobs.drop(job);
    this.#shares.give(ticket);
    ticket.rests();
    this.#put(ticket, rest);
    this.#exclusive.letGo(id);
    this.#ended();
  }

  #unload(ticket: Ticket): void {
    if (ticket.job) this.#jobs.drop(ticket.job);
    ticket.job = null;
  }

  #ended(): void {
    if (this.#active === 0) for (const done of this.#idle.splice(0)) done();
    this.#setPump();
  }

  async #load(ticket: Ticket): Promise<Job | Rest> {
    this.#loading += 1;
    const entry = await this.#room.spool.read(ticket.id).finally(() => {
      this.#loading -= 1;
    });
    if (entry === null) return gone;
    if (entry.envelope.hold !== null) {
      this.#held += 1;
      return gone;
    }
    const { dueAt } = entry.state;
    // It was put off while the spool was asked what is due.
    if (!ticket.isForced && dueAt > this.#room.clock.now()) return { at: "due", dueAt };
    const job = Job.fromSpool(entry);
    ticket.priority = priorityOf(job.envelope);
    this.#jobs.add(job);
    // While reading, nobody else was let in.
    this.#setPump();
    return job;
  }

  async #try(ticket: Ticket, job: Job): Promise<Rest> {
    const result = await attempt(this.#attempts, job, ticket);
    switch (result.at) {
      case "tried":
        return restUntil(await conclude(this.#conclusion, job));
      case "cut":
        // Stopped: it stays due, and the next run begins with it.
        return this.#isStopped ? gone : ready;
      case "crowded": {
        const dueAt = this.#lanes.park(result.key, ticket);
        return dueAt === null ? parked : restUntil(await conclude(this.#conclusion, job, dueAt));
      }
      case "dead": {
        const { untilMs, reply } = result;
        if (reply) noteReply(job, reply);
        const awayMs = untilMs - this.#room.clock.now();
        const dueAt = Math.round(untilMs + awayMs * RETURN_SPREAD * this.#random());
        return restUntil(await conclude(this.#conclusion, job, dueAt));
      }
    }
  }
}

const restUntil = (dueAt: number | null): Rest => (dueAt === null ? gone : { at: "due", dueAt });

/** What it would have been told, for reports: the destination was not asked again about this message. */
function noteReply(job: Job, reply: RemoteReply): void {
  job.lastReply = reply;
  for (const { id } of job.open()) if (!job.outcomes.has(id)) job.outcomes.set(id, { at: "deferred", reply });
}
