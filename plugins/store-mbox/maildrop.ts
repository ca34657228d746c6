/** POP3: exclusive use of the INBOX through `.postern/pop3.lock`, and by which ids its clients know messages. */

import { join } from "node:path";
import type { UniqueIds } from "postern/plugin";
import { dotlock, headerDigest, uniqueIdsOf } from "postern/store";
import { messageBytes } from "./content.ts";
import type { Folder } from "./folder.ts";
import { givenIds } from "./given-ids.ts";
import { controlRoot } from "./mailbox-name.ts";
import type { MboxSnapshot } from "./snapshot.ts";

const STALE_MS = 180_000;

export async function lockMaildrop(root: string): Promise<{ release(): Promise<void> } | null> {
  const lock = await dotlock(join(controlRoot(root), "pop3.lock"), { waitMs: 0, staleMs: STALE_MS });
  return lock && { release: async () => lock.release() };
}

/** Headers beyond are cut for `%m`. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export function uniqueIdsIn(snapshot: MboxSnapshot, folder: Folder): Promise<UniqueIds> {
  const { site, place, state } = folder;
  return uniqueIdsOf(snapshot, {
    ...{ format: site.uniqueIds, uidValidity: state.uidValidity },
    given: [...givenIds(place.control, state.uidValidity)]
      .filter(([uid]) => snapshot.find(uid))
      .sort(([a], [b]) => a - b),
    /** One that is gone meanwhile has none. */
    async text({ uid }) {
      const bytes = folder.snapshot.find(uid) && (await messageBytes(folder, uid, MAX_MESSAGE_BYTES));
      return headerDigest(bytes || Buffer.from(String(uid)));
    },
  });
}
