/**
 * The queue as others see it: what has been accepted goes on from here, until every recipient is settled and every report is durable.
 */
import type { Message } from "../contracts/envelope.ts";
import type { QueueActions } from "../contracts/queue-actions.ts";
import type { EnvelopeState } from "../kernel/envelope.ts";
import type { Alarm } from "./alarm.ts";
import type { QueueOptions } from "./queue-options.ts";
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
  /** Messages being worked on or changed, and deliveries that run. */
  readonly active: number;
  readonly delivering: number;
  /** Waiting for a destination that is far behind. */
  readonly parked: number;
  /** Set aside since the start. */
  readonly held: number;
  /** The spool is being asked what is due; there may be more than the figures say. */
  readonly isLookingAhead: boolean;
}

export interface Queue extends QueueActions {
  /** Picks up what an earlier run left. Resolves when what is due is known; it is not yet delivered then. */
  start(): Promise<void>;
  /** These are about to be accepted: nobody begins with them before `enqueue`, or at all after `forget`. */
  expect(ids: readonly string[]): void;
  forget(ids: readonly string[]): void;
  /** Takes over what the spool has accepted; `null`: it is to be read back. */
  enqueue(envelope: EnvelopeState, message: Message | null, acceptedAt: number): void;
  /** `flush` for what waits for one domain; `.example.org` is the domain and its subdomains. Resolves with the number of recipients. */
  flushDomain(domain: string): Promise<number>;
  stats(): QueueStats;
  /** Starts nothing more, and waits for what runs until the signal or `drainMs`. What was not tried stays in the spool. */
  stop(signal?: AbortSignal): Promise<void>;
}
