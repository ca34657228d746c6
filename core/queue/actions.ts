/**
 * What an administrator may do to a message that waits. An action on a message that is being tried waits for the end of that try:
 * what of it has not begun does not begin. Durable when it resolves; may be said again without harm. Rejects when the spool does, or
 * the queue ends: what was asked for has not been done then, or is done by saying it again.
 */
import type { Outcome } from "../contracts/delivery.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool, SpoolEntry, SpoolOutcome } from "../contracts/spool.ts";
import { safeText } from "../mail/header.ts";
import { type ConclusionRoom, conclude, saveAgain } from "./conclusion.ts";
import type { ChangeResult, Exclusive } from "./exclusive.ts";
import { inParallel } from "./in-parallel.ts";
import { isFinal, Job } from "./job.ts";
import type { JobMemory } from "./job-memory.ts";
import { gone, type Rest, ready } from "./rest.ts";
import type { Ticket } from "./ticket.ts";

/** `unchanged`: it was so already, or the action does not apply (a held message is not retried). `unknown`: no such message waits here. */
export type Changed = "changed" | "unchanged" | "unknown";

export interface QueueActions {
  /** It waits for an administrator, and does not expire. */
  hold(id: string, reason: string): Promise<Changed>;
  /** A held message is due at once. */
  release(id: string): Promise<Changed>;
  /** Messages that wait for their time are due at once, not those that are held. Destinations that are left alone get another chance. */
  retry(ids: Iterable<string> | AsyncIterable<string>): Promise<Readonly<Record<Changed, number>>>;
  /** It is deleted. Nobody is told. */
  remove(id: string): Promise<Changed>;
  /** Who has not got it does not get it, and its sender is told so. Left out, `text` is ours. */
  bounce(id: string, text?: string): Promise<Changed>;
  /**
   * As if it had just been accepted: released if it was held, due at once, routed anew, counted from the first try. Its recipients stay
   * as aliases made them, who has it does not get it again, and its age counts from when it came.
   */
  requeue(id: string): Promise<Changed>;
}

export interface ActionsRoom {
  readonly spool: Spool;
  readonly log: Log;
  readonly conclusion: ConclusionRoom;
  readonly exclusive: Exclusive;
  /** What the queue knows better than the spool, because the spool would not record it. */
  readonly unrecorded: Pick<JobMemory, "unrecorded" | "drop">;
  /** No destination is left alone any longer. */
  readonly lift: () => void;
}

type ActionResult = ChangeResult<Changed>;
const unknown: ActionResult = { is: "unknown", rest: gone };

export function createActions(room: ActionsRoom): QueueActions {
  const { spool, log } = room;

  /** Reads the message first; not for a message that is not there. */
  const change = (
    id: string,
    work: (entry: SpoolEntry, ticket: Ticket, before: Rest) => Promise<ActionResult>,
  ): Promise<Changed> =>
    room.exclusive.run(id, async (ticket, before) => {
      const left = room.unrecorded.unrecorded(id);
      if (left) {
        await saveAgain(room, left);
        room.unrecorded.drop(left);
      }
      const entry = await spool.read(id);
      return entry === null ? unknown : work(entry, ticket, before);
    });

  const releaseIfHeld = async ({ envelope }: SpoolEntry): Promise<void> => {
    if (envelope.hold !== null) await spool.hold(envelope.id, null);
  };

  const retryOne = (id: string): Promise<Changed> =>
    change(id, async ({ envelope }, ticket, before) => {
      if (envelope.hold !== null || before.at === "ready") return { is: "unchanged", rest: before };
      // Due at once, and durably so.
      await spool.hold(id, null);
      ticket.isForced = true;
      return { is: "changed", rest: ready };
    });

  return {
    hold: (id, reason) =>
      change(id, async ({ envelope }) => {
        const text = safeText(reason).trim().slice(0, REASON_LIMIT) || "held";
        if (envelope.hold === text) return { is: "unchanged", rest: gone };
        await spool.hold(id, text);
        log.info({ id, reason: text }, "held");
        return { is: "changed", rest: gone };
      }),

    release: (id) =>
      change(id, async ({ envelope }, _, before) => {
        if (envelope.hold === null) return { is: "unchanged", rest: before };
        await spool.hold(id, null);
        log.info({ id, was: envelope.hold }, "released");
        return { is: "changed", rest: ready };
      }),

    async retry(ids) {
      const counts = { changed: 0, unchanged: 0, unknown: 0 };
      room.lift();
      await inParallel(ids, RETRIED_AT_ONCE, async (id) => {
        counts[await retryOne(id)] += 1;
      });
      log.info(counts, "retried");
      return counts;
    },

    remove: (id) =>
      change(id, async (entry) => {
        // Settled and not to be reported: nothing is left to do with it, should a crash come before it has gone.
        await settleOpen(spool, entry, { ...removed, isReported: true });
        await releaseIfHeld(entry);
        await spool.remove(id);
        log.info({ id, recipients: openIds(entry).length }, "removed");
        return { is: "changed", rest: gone };
      }),

    bounce: (id, text) =>
      change(id, async (entry) => {
        const job = Job.fromSpool(entry);
        const said = safeText(text ?? "")
          .trim()
          .slice(0, REASON_LIMIT);
        const outcome = said === "" ? returned : { ...returned, reply: { ...returned.reply, text: said } };
        await inParallel(job.open(), SETTLED_AT_ONCE, (recipient) => room.conclusion.fail(job, recipient, outcome));
        await releaseIfHeld(entry);
        const dueAt = await conclude(room.conclusion, job);
        return { is: "changed", rest: dueAt === null ? gone : { at: "due", dueAt } };
      }),

    requeue: (id) =>
      change(id, async ({ state: { warnedAt } }, ticket) => {
        await spool.reschedule(id, { attempts: 0, dueAt: 0, lastReply: null, warnedAt });
        await spool.hold(id, null);
        ticket.isForced = true;
        log.info({ id }, "requeued");
        return { is: "changed", rest: ready };
      }),
  };
}

const REASON_LIMIT = 500;
const RETRIED_AT_ONCE = 16;
const SETTLED_AT_ONCE = 100;

// RFC 3463 3.8: X.7.0 other security status, which is all that an administrator's decision is to the sender
const returned: Outcome = {
  at: "failed",
  reply: { code: 554, status: "5.7.0", text: "Returned by the administrator of this mail server", host: null },
};
const removed: Outcome = { ...returned, reply: { ...returned.reply, text: "Removed by an administrator" } };

const openIds = ({ envelope, state }: SpoolEntry): readonly number[] =>
  envelope.recipients.flatMap(({ id }) => (isFinal(state.outcomes[id]) ? [] : [id]));

const settleOpen = (spool: Spool, entry: SpoolEntry, outcome: SpoolOutcome): Promise<void> =>
  inParallel(openIds(entry), SETTLED_AT_ONCE, (recipientId) => spool.settle(entry.envelope.id, recipientId, outcome));
