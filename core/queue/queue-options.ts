/** The queue's figures, in one place. Times in milliseconds, sizes in bytes. */
import type { DestinationOptions } from "./destination-limits.ts";
import type { RetrySchedule } from "./retry-schedule.ts";

export interface QueueOptions extends RetrySchedule, DestinationOptions {
  /** After that, what is not delivered is given back (RFC 5321 4.5.4.1: at least 4 to 5 days). */
  readonly expiryMs: number;
  /** When a sender is told that it takes longer. */
  readonly warnAfterMs: number;
  /** The same for what has the null reverse-path, reports above all. */
  readonly bounceExpiryMs: number;
  readonly maxDeliveries: number;
  /** Deliveries in a row that fail because of their destination, until it counts as dead for a while. */
  readonly deadAfter: number;
  /** RFC 5321 4.5.3.1.8: what every server takes in one transaction. */
  readonly maxRecipientsPerDelivery: number;
  /** Messages that are worked on at the same time, and what of them may be in memory. */
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Messages that wait in memory for their first try; the rest is read back from the spool. */
  readonly maxWaitingInMemory: number;
  /** Messages that are known by their ids; the rest is looked for in the spool when there is room. */
  readonly maxAtHand: number;
  /** Content given back in a bounce: when nothing was said, and with RET=FULL. Beyond, the header alone. */
  readonly returnedBytes: number;
  readonly returnedFullBytes: number;
  /** How long `stop` waits for deliveries that run. */
  readonly drainMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const kibibyte = 1024;

export const defaultQueueOptions: QueueOptions = {
  firstRetryMs: 5 * minuteMs,
  maxRetryMs: 4_000_000,
  expiryMs: 5 * 24 * hourMs,
  warnAfterMs: 4 * hourMs,
  bounceExpiryMs: 24 * hourMs,
  maxDeliveries: 200,
  deadAfter: 3,
  startPerDestination: 5,
  maxPerDestination: 20,
  maxPerLocal: 100,
  destinations: [],
  workers: 1,
  maxRecipientsPerDelivery: 100,
  maxMessages: 2_000,
  maxBytes: 64 * kibibyte * kibibyte,
  maxWaitingInMemory: 10_000,
  maxAtHand: 50_000,
  returnedBytes: 64 * kibibyte,
  returnedFullBytes: kibibyte * kibibyte,
  drainMs: 30_000,
};
