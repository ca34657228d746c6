/** Long work on many messages, in slices: other sessions get the event loop between them. */
import { setImmediate } from "node:timers/promises";

const SLICE_MS = 4;
const LOOK_EVERY = 32;

/** Calls `work` for 0 to `count` - 1. Rejects when `signal` fires: nobody waits for the rest. */
export async function inSlices(count: number, signal: AbortSignal, work: (index: number) => void): Promise<void> {
  let since = performance.now();
  for (let index = 0; index < count; index++) {
    work(index);
    if (index % LOOK_EVERY !== 0 || performance.now() - since < SLICE_MS) continue;
    await setImmediate();
    signal.throwIfAborted();
    since = performance.now();
  }
}
