/** Starts a server as a service manager does: what does not come up in time, or at all, is ended and started again. */
import { setTimeout as delay } from "node:timers/promises";
import type { RunningServer } from "../../server/running-server.ts";

/** A worker that the kernel has not buried yet may hold its spool: then the start is tried again, as a service manager does. */
export async function startPatiently(server: RunningServer): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.startProcess();
      return;
    } catch (error) {
      // One that is only slow must not go on beside the next.
      await server.killAll().catch(ignoreGone);
      if (attempt === 10) throw error;
      await delay(200);
    }
  }
}

/** It was faster than the signal. */
export function ignoreGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
}
