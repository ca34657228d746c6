/** Which messages a session means when it copies or moves some. */
import { type MessageEntry, StoreError } from "../contracts/mailbox-store.ts";
import type { ChunkedSnapshot } from "./snapshot.ts";

export interface ToTransfer<E extends MessageEntry> {
  readonly from: { readonly snapshot: ChunkedSnapshot<E> };
  readonly uids: readonly number[];
  /** What the session has seen: a message in it that is gone now is an error, one that never was is none. */
  readonly seen: ChunkedSnapshot<E>;
}

/** Ascending, each once. Throws `expunged`. */
export function entriesToTransfer<E extends MessageEntry>({ from, uids, seen }: ToTransfer<E>): readonly E[] {
  const entries: E[] = [];
  for (const uid of [...new Set(uids)].sort((a, b) => a - b)) {
    const entry = from.snapshot.find(uid);
    if (entry) entries.push(entry);
    else if (seen.find(uid)) throw new StoreError("expunged", "Some of the messages are gone");
  }
  return entries;
}
