/** POP3: exclusive use of the INBOX through `dovecot-pop3-session.lock`, and unique-ids as Dovecot makes them (%08Xu%08Xv). */
import { join } from "node:path";
import { dotlock } from "./dotlock.ts";
import type { MaildirSnapshot } from "./snapshot.ts";
import type { UidList } from "./uidlist.ts";
import { recordField } from "./uidlist-format.ts";

const STALE_MS = 180_000;

export async function lockMaildrop(root: string): Promise<{ release(): Promise<void> } | null> {
  const lock = await dotlock(join(root, "dovecot-pop3-session.lock"), { waitMs: 0, staleMs: STALE_MS });
  return lock && { release: async () => lock.release() };
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** RFC 1939 7. An id that another server once gave (P in the list of UIDs) is kept. */
export function uniqueIdsOf(snapshot: MaildirSnapshot, uidlist: UidList): ReadonlyMap<number, string> {
  const ids = new Map<number, string>();
  for (const { uid, file } of snapshot) {
    const record = uidlist.records.get(file.base);
    ids.set(uid, (record && recordField(record, "P")) || hex(uid) + hex(uidlist.uidValidity));
  }
  return ids;
}
