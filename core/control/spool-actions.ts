/** Actions on a spool whose server is stopped: facts that the next start acts on. Whoever has opened the spool is its only user. */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Spool, SpoolEntry, SpoolOutcome } from "../contracts/spool.ts";
import { heldFault, type QueueActions } from "./desk.ts";

// RFC 3463 3.8: X.7.0, by decision of a human
const replyOf = (text: string): RemoteReply => ({ code: 554, status: "5.7.0", text, host: null });

export function spoolActions(spool: Spool): QueueActions {
  const withEntry =
    <Rest extends readonly unknown[]>(act: (entry: SpoolEntry, ...rest: Rest) => Promise<void>) =>
    async (id: string, ...rest: Rest): Promise<boolean> => {
      const entry = await spool.read(id);
      if (entry) await act(entry, ...rest);
      return entry !== null;
    };
  const dueNow = async ({ envelope: { id }, state }: SpoolEntry, attempts: number): Promise<void> => {
    const { lastReply, warnedAt } = state;
    await spool.reschedule(id, { attempts, dueAt: 0, lastReply, warnedAt });
  };
  const settleOpen = async ({ envelope, state }: SpoolEntry, outcome: SpoolOutcome): Promise<void> => {
    for (const { id } of envelope.recipients)
      if ((state.outcomes[id]?.at ?? "deferred") === "deferred") await spool.settle(envelope.id, id, outcome);
  };
  return {
    hold: withEntry(({ envelope: { id } }, reason: string) => spool.hold(id, reason)),
    release: withEntry(async ({ envelope: { id, hold } }) => {
      if (hold !== null) await spool.hold(id, null);
    }),
    flush: withEntry(async ({ envelope: { id, hold } }) => {
      // Due at once, and durably so.
      if (hold !== null) throw new Error(heldFault);
      await spool.hold(id, null);
    }),
    requeue: withEntry(async (entry) => {
      await dueNow(entry, 0);
      await spool.hold(entry.envelope.id, null);
    }),
    delete: withEntry(async (entry) => {
      const { id, hold } = entry.envelope;
      // That it has gone is not durable at once. Should it come back, nobody is left to get it, and nobody to be told.
      await settleOpen(entry, { at: "failed", reply: replyOf("Removed by an administrator"), isReported: true });
      if (hold !== null) await spool.hold(id, null);
      await spool.remove(id);
    }),
    bounce: withEntry(async (entry, text: string) => {
      await settleOpen(entry, { at: "failed", reply: replyOf(text) });
      // The queue finds nobody left to try, tells the sender and removes it.
      await spool.hold(entry.envelope.id, null);
    }),
    async flushAll() {
      for await (const some of spool.list()) {
        for (const { id, hold } of some) {
          const entry = hold === null ? await spool.read(id) : null;
          if (entry) await dueNow(entry, entry.state.attempts);
        }
      }
    },
    stateOf: () => null,
  };
}
