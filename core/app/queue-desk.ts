/**
 * The sockets of this worker's queue: `postern queue` asks at one of them, users' `mailq` at the other. Mail goes on without them: a socket that
 * cannot be had is logged.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { QueueActions } from "../contracts/queue-actions.ts";
import type { Spool } from "../contracts/spool.ts";
import { openPublicList } from "../control/public-list.ts";
import { type ControlListener, openControl } from "../control/serve.ts";
import { controlSocket } from "../control/socket-path.ts";
import { prepareQueueSockets } from "../maildrop/places.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { findGroup } from "./data-directory.ts";

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

/** `null`: nobody but the administrator sees the queue. */
export async function openPublicQueue(
  { queue, spool, clock, log }: Omit<QueueDeskRoom, "slotDirectory">,
  { mailq, maildrop }: Pick<ServerConfig, "mailq" | "maildrop">,
  slot: number,
): Promise<ControlListener | null> {
  if (mailq === "nobody") return null;
  try {
    const gid = mailq === "everybody" ? null : findGroup(mailq);
    if (gid === null && mailq !== "everybody") throw new Error(`there is no group ${JSON.stringify(mailq)}`);
    const path = join(await prepareQueueSockets(maildrop), String(slot));
    const access = { mode: gid === null ? 0o666 : 0o660, gid };
    return await openPublicList(path, { spool, clock, stateOf: (id) => queue.stateOf(id) }, access, log);
  } catch (cause) {
    log.error({ err: cause, maildrop }, "users cannot see the queue of this worker");
    return null;
  }
}
