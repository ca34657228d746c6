/** Actions on a spool whose server is stopped: facts that the next start acts on. Whoever has opened the spool is its only user. */
import type { Log } from "../contracts/log.ts";
import type { QueueActions } from "../contracts/queue-actions.ts";
import type { Spool } from "../contracts/spool.ts";
import { createActions } from "./actions.ts";
import { inParallel } from "./in-parallel.ts";
import { gone } from "./rest.ts";

/** They are made durable together. */
const FLUSHED_AT_ONCE = 32;

export function spoolActions(spool: Spool, log: Log): QueueActions {
  const { makeDue, ...actions } = createActions({
    spool,
    log,
    exclusively: async (_, change) => (await change({ isForced: false }, gone)).is,
    catchUp: async () => undefined,
    fail: (job, { id }, outcome) => spool.settle(job.id, id, outcome),
    async conclude({ id }) {
      // The queue finds nobody left to try, tells the sender and removes it.
      await spool.hold(id, null);
      return 0;
    },
    lift: () => undefined,
  });
  return {
    ...actions,
    async flush() {
      let count = 0;
      await inParallel(idsOf(spool), FLUSHED_AT_ONCE, async (id) => {
        if ((await makeDue(id)) === "changed") count += 1;
      });
      return count;
    },
    stateOf: () => null,
  };
}

async function* idsOf(spool: Spool): AsyncIterable<string> {
  for await (const { id } of spool.recovered(Number.POSITIVE_INFINITY)) yield id;
}
