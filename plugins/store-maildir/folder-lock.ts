/** `dovecot-uidlist.lock`: whoever holds it may give UIDs and make keywords, across processes and with Dovecot. */

import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { dotlock } from "postern/store";

const WAIT_MS = 30_000;
const STALE_MS = 120_000;

export async function withUidLock<T>(directory: string, work: () => Promise<T> | T): Promise<T> {
  const wishes = { waitMs: WAIT_MS, staleMs: STALE_MS, keepIn: join(directory, "tmp") };
  const lock = await dotlock(join(directory, "dovecot-uidlist.lock"), wishes);
  if (!lock) throw new StoreError("inUse", "The mailbox is locked by another program");
  try {
    return await work();
  } finally {
    lock.release();
  }
}
