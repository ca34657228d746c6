/** POP3: exclusive use of the INBOX through `.postern/pop3.lock`. */

import { join } from "node:path";
import type { UniqueIds } from "postern/plugin";
import { dotlock } from "postern/store";
import { controlRoot } from "./mailbox-name.ts";
import type { MboxSnapshot } from "./snapshot.ts";

const STALE_MS = 180_000;

export async function lockMaildrop(root: string): Promise<{ release(): Promise<void> } | null> {
  const lock = await dotlock(join(controlRoot(root), "pop3.lock"), { waitMs: 0, staleMs: STALE_MS });
  return lock && { release: async () => lock.release() };
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** RFC 1939 7, as Dovecot makes them by default (%08Xu%08Xv). */
export const uniqueIdsOf = (snapshot: MboxSnapshot, uidValidity: number): UniqueIds => ({
  get: (uid) => (snapshot.find(uid) ? hex(uid) + hex(uidValidity) : undefined),
});
