/**
 * What an administrator may do to a message that waits: one way for a queue that runs and for the files of one that does not, where the next
 * start finds what was done. Rejects when the spool does, or the queue ends: what was asked for has not been done then, or is done by
 * saying it again.
 */
import type { Outcome } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { Changed, QueueActions } from "../contracts/queue-actions.ts";
import type { Spool, SpoolEntry, SpoolOutcome } from "../contracts/spool.ts";
import { safeText } from "../mail/header.ts";
import type { ChangeResult } from "./exclusive.ts";
import { inParallel } from "./in-parallel.ts";
import { isFinal, Job } from "./job.ts";
import { gone, type Rest, ready } from "./rest.ts";
import type { Ticket } from "./ticket.ts";

/** Of one message. */
type SingleActions = Omit<QueueActions, "flush" | "stateOf">;

export interface ActionsRoom {
  readonly spool: Spool;
  readonly log: Log;
  /** While nobody else is at work on the message. `before`: where it was. */
  exclusively(
    id: string,
    change: (ticket: Pick<Ticket, "isForced">, before: Rest) => Promise<ChangeResult<Changed>>,
  ): Promise<Changed>;
  /** What is known better than the spool does, because it would not record it, is recorded. */
  catchUp(id: string): Promise<void>;
  /** Records an outcome that this server itself decides. */
  fail(job: Job, recipient: Recipient, outcome: Outcome): Promise<void>;
  /** Senders are told, and what has nobody left is removed. When it is due again; `null`: it is gone. */
  conclude(job: Job): Promise<number | null>;
  /** No destination is left alone any longer. */
  lift(): void;
}

type ActionResult = ChangeResult<Changed>;
const unknown: ActionResult = { is: "unknown", rest: gone };

export function createActions(room: ActionsRoom): SingleActions & {
  /** `retry` of one of many: nobody is told of each. */
  makeDue(id: string): Promise<Changed>;
} {
  const { spool, log } = room;

  /** Reads the message first; not for a message that is not there. */
  const change = (
    id: string,
    work: (entry: SpoolEntry, ticket: Pick<Ticket, "isForced">, before: Rest) => Promise<ActionResult>,
  ): Promise<Changed> =>
    room.exclusively(id, async (ticket, before) => {
      await room.catchUp(id);
      const entry = await spool.read(id);
      return entry === null ? unknown : work(entry, ticket, before);
    });

  const releaseIfHeld = async ({ envelope }: SpoolEntry): Promise<void> => {
    if (envelope.hold !== null) await spool.hold(envelope.id, null);
  };

  const makeDue = (id: string): Promise<Changed> =>
    change(id, async ({ envelope }, ticket, before) => {
      if (envelope.hold !== null) return { is: "held", rest: before };
      if (before.at === "ready") return { is: "unchanged", rest: before };
      // Due at once, and durably so.
      await spool.hold(id, null);
      ticket.isForced = true;
      return { is: "changed", rest: ready };
    });

  return {
    makeDue,

    hold: (id, reason) =>
      change(id, async ({ envelope }) => {
        const text = cleaned(reason) || "held by the administrator";
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

    async retry(id) {
      room.lift();
      const changed = await makeDue(id);
      if (changed === "changed") log.info({ id }, "retried");
      return changed;
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
        const said = cleaned(text);
        const outcome = said === "" ? returned : { ...returned, reply: { ...returned.reply, text: said } };
        await inParallel(job.open(), SETTLED_AT_ONCE, (recipient) => room.fail(job, recipient, outcome));
        await releaseIfHeld(entry);
        const dueAt = await room.conclude(job);
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

/** It goes into lists, logs and reports, and on disk as it is. */
const cleaned = (text: string | undefined): string =>
  safeText(text ?? "")
    .trim()
    .slice(0, REASON_LIMIT);

const REASON_LIMIT = 500;
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
