/** Who is to be told what about a message (RFC 3461 5.2, 6): decided from outcomes and NOTIFY. Told once, also over restarts. */
import type { Outcome } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Spool } from "../contracts/spool.ts";
import type { Receipt } from "../kernel/envelope.ts";
import { type BounceRoom, sendReceipts, sendReport } from "./bounce.ts";
import type { Job } from "./job.ts";

export interface ReportRoom extends BounceRoom {
  readonly kernel: Kernel;
  readonly spool: Spool;
}

// RFC 3461 4.1: nothing said means failure, and delay if the server likes.
const wantsFailure = ({ notify }: Recipient): boolean => notify.size === 0 || notify.has("failure");
const wantsDelay = ({ notify }: Recipient): boolean => notify.size === 0 || notify.has("delay");
const wantsSuccess = ({ notify }: Recipient): boolean => notify.has("success");

const failures = (job: Job): readonly Recipient[] =>
  job.envelope.recipients.filter((recipient) => {
    const outcome = job.outcomes.get(recipient.id);
    return outcome?.at === "failed" && !outcome.isReported && wantsFailure(recipient);
  });

const successes = (job: Job): readonly Recipient[] =>
  job.envelope.reversePath === null
    ? []
    : job.envelope.recipients.filter((recipient) => {
        const outcome = job.outcomes.get(recipient.id);
        if (outcome === undefined || outcome.isReported || !wantsSuccess(recipient)) return false;
        return outcome.at === "delivered" || (outcome.at === "relayed" && outcome.isDsnPassedOn !== true);
      });

const receipts = ({ envelope, outcomes }: Job): readonly Receipt[] =>
  envelope.receipts?.names.filter(({ recipient: { id } }) => outcomes.get(id)?.isReported !== true) ?? [];

export const hasNews = (job: Job): boolean =>
  failures(job).length > 0 || successes(job).length > 0 || receipts(job).length > 0;

/** `true`: nothing is left to tell. `isLast`: the message is removed next, so that no marks are needed. */
export async function tellOutcomes(room: ReportRoom, job: Job, isLast: boolean): Promise<boolean> {
  const failed = failures(job);
  const succeeded = successes(job);
  let areAllTold = true;
  for (const [kind, recipients] of [
    ["failed", failed],
    ["succeeded", succeeded],
  ] as const) {
    if (recipients.length === 0) continue;
    if (await sendReport(room, job, kind, recipients)) await mark(room, job, recipients, isLast);
    else areAllTold = false;
  }
  return (await tellReceipts(room, job, isLast)) && areAllTold;
}

/** Names that were passed on: the sender hears so, and nothing of what comes after them. */
async function tellReceipts(room: ReportRoom, job: Job, isLast: boolean): Promise<boolean> {
  const names = receipts(job);
  if (job.envelope.receipts === null || names.length === 0) return true;
  const { to, envid } = job.envelope.receipts;
  const recipients = names.map(({ recipient }) => recipient);
  const actions = new Map(names.map(({ recipient, at }) => [recipient.id, at]));
  if (!(await sendReceipts(room, job, { kind: "succeeded", to, envid, recipients, actions }))) return false;
  for (const { id } of recipients) job.outcomes.set(id, passedOn);
  await mark(room, job, recipients, isLast);
  return true;
}

const passedOn: Outcome = { at: "relayed", reply: { code: 250, status: "2.0.0", text: "OK", host: null } };

async function mark({ kernel, spool, log }: ReportRoom, job: Job, recipients: readonly Recipient[], isLast: boolean) {
  for (const recipient of recipients) {
    const outcome = job.outcomes.get(recipient.id);
    if (!outcome) continue;
    const reported = { ...outcome, isReported: true };
    job.outcomes.set(recipient.id, reported);
    if (outcome.at === "failed") kernel.notice("bounced", job.envelope, recipient, outcome);
    if (isLast) continue;
    try {
      await spool.settle(job.id, recipient.id, reported);
    } catch (cause) {
      // The report is on its way: after a restart the sender might be told again, which is better than never.
      log.error({ id: job.id, err: cause }, "a report could not be marked as sent");
    }
  }
}

/** Tells of a delay once. Whether it was sent makes no difference to the message. */
export async function tellDelay(room: ReportRoom, job: Job): Promise<void> {
  const nowMs = room.clock.now();
  if (job.warnedAt !== null || job.envelope.reversePath === null) return;
  if (nowMs - job.acceptedAt < room.options.warnAfterMs) return;
  const recipients = job.open().filter(wantsDelay);
  if (recipients.length === 0 || (await sendReport(room, job, "delayed", recipients))) job.warnedAt = nowMs;
}
