/**
 * A client that takes nothing of what it asked for is cut off after a while: what was read for it, and the mailbox it holds open, are not
 * kept for ever. One that takes a little at a time is waited for.
 */
import type { Connection } from "postern/plugin";

/** Settles as `taken` does. */
export async function untilTaken(taken: Promise<void>, { socket }: Connection, timeoutMs: number): Promise<void> {
  const progress = () => socket.bytesWritten - socket.writableLength;
  let seen = progress();
  const timer = setInterval(() => {
    const now = progress();
    if (now === seen) socket.destroy();
    seen = now;
  }, timeoutMs);
  try {
    await taken;
  } finally {
    clearInterval(timer);
  }
}
