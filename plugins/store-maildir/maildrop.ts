/** POP3: exclusive use of the INBOX through `dovecot-pop3-session.lock`, and by which ids its clients know messages. */

import { join } from "node:path";
import { StoreError, type UniqueIds } from "postern/plugin";
import { dotlock, headerDigest, uniqueIdsOf } from "postern/store";
import { messageBytes } from "./content.ts";
import type { Entry, MaildirSnapshot } from "./snapshot.ts";
import type { UidList } from "./uidlist.ts";
import { recordField } from "./uidlist-format.ts";

const STALE_MS = 180_000;

export async function lockMaildrop(root: string): Promise<{ release(): Promise<void> } | null> {
  const lock = await dotlock(join(root, "dovecot-pop3-session.lock"), { waitMs: 0, staleMs: STALE_MS });
  return lock && { release: async () => lock.release() };
}

/** Headers beyond are cut for `%m`. */
const MAX_HEADER_BYTES = 10 * 1024 * 1024;

/** One that a message was once given (P in the list of UIDs) stays whatever the format says. */
export function uniqueIdsIn(snapshot: MaildirSnapshot, uidlist: UidList, format: string): Promise<UniqueIds> {
  const fieldOf = ({ file }: Entry, name: string) => recordField(uidlist.records.get(file.base)?.fields ?? "", name);
  function* given() {
    for (const entry of snapshot) {
      const id = fieldOf(entry, "P");
      // Dovecot writes nothing behind P where the id is the name of the file.
      if (id !== null) yield [entry.uid, id === "" ? entry.file.base : id] as const;
    }
  }
  return uniqueIdsOf(snapshot, {
    ...{ format, uidValidity: uidlist.uidValidity, given: given() },
    text(entry, variable) {
      if (variable === "m") return digestOf(entry);
      return (variable === "g" && fieldOf(entry, "G")) || entry.file.base;
    },
  });
}

/** A message that is gone meanwhile has none. */
async function digestOf({ file }: Entry): Promise<string> {
  try {
    return headerDigest((await messageBytes(file, MAX_HEADER_BYTES)) ?? Buffer.from(file.base));
  } catch (cause) {
    if (cause instanceof StoreError && cause.code === "expunged") return headerDigest(Buffer.from(file.base));
    throw cause;
  }
}
