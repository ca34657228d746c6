/** The control socket of this worker's queue: `postern queue` asks there. Mail goes on without it: a socket that cannot be had is logged. */
import { mkdir } from "node:fs/promises";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool } from "../contracts/spool.ts";
import { heldFault, type QueueActions } from "../control/desk.ts";
import { type ControlListener, openControl } from "../control/serve.ts";
import { controlSocket } from "../control/socket-path.ts";
import type { Queue } from "../queue/queue.ts";

export interface QueueDeskRoom {
  readonly queue: Queue;
  readonly spool: Spool;
  /** Of this worker; its lock is held. */
  readonly slotDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
}

export async function openQueueDesk(room: QueueDeskRoom): Promise<ControlListener | null> {
  const { queue, spool, slotDirectory, clock, log } = room;
  const path = controlSocket(slotDirectory);
  try {
    // A spool that is a plugin's has no directory here.
    await mkdir(slotDirectory, { recursive: true, mode: 0o700 });
    return await openControl(path, { spool, actions: actionsOf(queue, spool), clock }, log);
  } catch (cause) {
    log.error({ err: cause, path }, "no control socket: the queue of this worker cannot be seen from outside");
    return null;
  }
}

const actionsOf = (queue: Queue, spool: Spool): QueueActions => ({
  hold: async (id, reason) => isThere(await queue.hold(id, reason)),
  release: async (id) => isThere(await queue.release(id)),
  async flush(id) {
    const { unknown, unchanged } = await queue.retry([id]);
    if (unchanged > 0 && (await spool.read(id))?.envelope.hold != null) throw new Error(heldFault);
    return unknown === 0;
  },
  requeue: async (id) => isThere(await queue.requeue(id)),
  delete: async (id) => isThere(await queue.remove(id)),
  bounce: async (id, text) => isThere(await queue.bounce(id, text)),
  flushAll: async () => void (await queue.flush()),
  stateOf: (id) => queue.stateOf(id),
});

const isThere = (changed: "changed" | "unchanged" | "unknown"): boolean => changed !== "unknown";
