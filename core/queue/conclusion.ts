/**
 * What follows a try: records that failed are written again, what is too old has failed, senders are told, then the message is
 * removed or gets the time of its next try. It is removed only after every report about it has been accepted durably.
 */
import type { Outcome, RemoteReply } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Job } from "./job.ts";
import type { QueueOptions } from "./queue-options.ts";
import { hasNews, type ReportRoom, tellDelay, tellOutcomes } from "./reports.ts";
import { retryDelayMs } from "./retry-schedule.ts";

export interface ConclusionRoom extends ReportRoom {
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Records an outcome that this server itself decides. */
  readonly fail: (job: Job, recipient: Recipient, outcome: Outcome) => Promise<void>;
}

/**
 * When it is due again, milliseconds since 1970: `plannedAt`, or what the schedule says; `null`: it is gone. Rejects when the spool
 * does.
 */
export async function conclude(
  room: ConclusionRoom,
  job: Job,
  plannedAt: number | null = null,
): Promise<number | null> {
  const { spool, clock, options } = room;
  await saveAgain(room, job);
  const ageMs = clock.now() - job.acceptedAt;
  const expiryMs = expiryOf(job, options);
  if (ageMs >= expiryMs) {
    for (const recipient of job.open()) await room.fail(job, recipient, expired(job.outcomes.get(recipient.id), ageMs));
  }
  const isLast = job.open().length === 0;
  const areAllTold = !hasNews(job) || (await tellOutcomes(room, job, isLast));
  if (isLast && areAllTold) {
    await spool.remove(job.id);
    return null;
  }
  if (!isLast) await tellDelay(room, job);
  const wantedAt = plannedAt ?? clock.now() + retryDelayMs(options, Math.max(job.attempts, 1), room.random());
  // Its last try is when its time is over, not an hour later.
  const dueAt = ageMs < expiryMs ? Math.min(wantedAt, job.acceptedAt + expiryMs) : wantedAt;
  const { attempts, lastReply, warnedAt } = job;
  await spool.reschedule(job.id, { attempts, dueAt, lastReply, warnedAt });
  return dueAt;
}

/** Reports, and what else has nobody to be given back to, need not be kept as long. */
const expiryOf = ({ envelope }: Job, { expiryMs, bounceExpiryMs }: QueueOptions): number =>
  envelope.reversePath === null ? Math.min(bounceExpiryMs, expiryMs) : expiryMs;

/** Outcomes that could not be recorded when they were told. */
export async function saveAgain({ spool }: Pick<ConclusionRoom, "spool">, job: Job): Promise<void> {
  for (const recipientId of job.unsaved) {
    const outcome = job.outcomes.get(recipientId);
    if (outcome) await spool.settle(job.id, recipientId, outcome);
    job.unsaved.delete(recipientId);
  }
}

const DAY_MS = 24 * 60 * 60_000;

/** RFC 3463 3.5: X.4.7 Delivery time expired. The last reply stays readable in the text. */
function expired(last: Outcome | undefined, ageMs: number): Outcome {
  const days = Math.round((ageMs / DAY_MS) * 10) / 10;
  const said = last ? `; the last answer was: ${last.reply.code} ${last.reply.status ?? ""} ${last.reply.text}` : "";
  const reply: RemoteReply = {
    code: 554,
    status: "5.4.7",
    text: `Not delivered in ${days} days${said}`,
    host: last?.reply.host ?? null,
  };
  return { at: "failed", reply };
}
