/** The control socket of this worker's queue: `postern queue` asks there. Mail goes on without it: a socket that cannot be had is logged. */
import { mkdir } from "node:fs/promises";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { QueueActions } from "../contracts/queue-actions.ts";
import type { Spool } from "../contracts/spool.ts";
import { type ControlListener, openControl } from "../control/serve.ts";
import { controlSocket } from "../control/socket-path.ts";

export interface QueueDeskRoom {
  readonly queue: QueueActions;
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
    return await openControl(path, { spool, queue, clock }, log);
  } catch (cause) {
    log.error({ err: cause, path }, "no control socket: the queue of this worker cannot be seen from outside");
    return null;
  }
}
