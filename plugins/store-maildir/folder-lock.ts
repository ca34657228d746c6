/** `dovecot-uidlist.lock`: whoever holds it may give UIDs and make keywords, across processes and with Dovecot. */

import { StoreError } from "postern/plugin";
import { dotlock } from "postern/store";
import type { Folder } from "./folder.ts";

const WAIT_MS = 30_000;
const STALE_MS = 120_000;

export async function withUidLock<T>(
  { path, site }: Pick<Folder, "path" | "site">,
  work: () => Promise<T> | T,
): Promise<T> {
  const keep = { by: site.locks, in: `${path}/tmp` };
  const lock = await dotlock(`${path}/dovecot-uidlist.lock`, { waitMs: WAIT_MS, staleMs: STALE_MS, keep });
  if (!lock) throw new StoreError("inUse", "The mailbox is locked by another program");
  try {
    return await work();
  } finally {
    lock.release();
  }
}
