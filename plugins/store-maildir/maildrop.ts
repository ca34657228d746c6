/** POP3: exclusive use of the INBOX through `dovecot-pop3-session.lock`. */

import { join } from "node:path";
import { dotlock } from "postern/store";

const STALE_MS = 180_000;

export async function lockMaildrop(root: string): Promise<{ release(): Promise<void> } | null> {
  const lock = await dotlock(join(root, "dovecot-pop3-session.lock"), { waitMs: 0, staleMs: STALE_MS });
  return lock && { release: async () => lock.release() };
}
