/** Actions on a spool whose server is stopped: facts that the next start acts on. Whoever has opened the spool is its only user. */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Spool, SpoolEntry } from "../contracts/spool.ts";
import type { QueueActions } from "./desk.ts";

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
  return {
    hold: withEntry(({ envelope: { id } }, reason: string) => spool.hold(id, reason)),
    release: withEntry(async ({ envelope: { id, hold } }) => {
      if (hold !== null) await spool.hold(id, null);
    }),
    // A held message stays held: flushing says when, not whether.
    flush: withEntry(async (entry) => {
      if (entry.envelope.hold === null) await dueNow(entry, entry.state.attempts);
    }),
    requeue: withEntry(async (entry) => {
      if (entry.envelope.hold !== null) await spool.hold(entry.envelope.id, null);
      await dueNow(entry, 0);
    }),
    delete: withEntry(({ envelope: { id } }) => spool.remove(id)),
    bounce: withEntry(async (entry, text: string) => {
      const { envelope, state } = entry;
      // RFC 3463 3.8: X.7.0, by decision of a human
      const reply: RemoteReply = { code: 554, status: "5.7.0", text, host: null };
      for (const { id } of envelope.recipients) {
        if ((state.outcomes[id]?.at ?? "deferred") === "deferred")
          await spool.settle(envelope.id, id, { at: "failed", reply });
      }
      // The queue finds nobody left to try, tells the sender and removes it.
      if (envelope.hold !== null) await spool.hold(envelope.id, null);
      await dueNow(entry, state.attempts);
    }),
    async flushAll() {
      for await (const { id, hold } of spool.list()) {
        if (hold !== null) continue;
        const entry = await spool.read(id);
        if (entry) await dueNow(entry, entry.state.attempts);
      }
    },
    stateOf: () => null,
  };
}
