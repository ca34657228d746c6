/** The change feed (RFC 7162) of a snapshot: what the index remembers, else what can be said without it. */
import type { MailboxChanges, UidRange } from "../contracts/mailbox-store.ts";
import type { ChunkedSnapshot } from "./snapshot.ts";

/** `vanished` answers `null` where the index does not reach back so far. */
export function changesIn(
  snapshot: ChunkedSnapshot,
  since: number,
  vanished: (since: number, until: number) => readonly UidRange[] | null,
): MailboxChanges {
  const { highestModseq } = snapshot;
  if (since >= highestModseq) return { changed: [], vanished: [], isExact: true, highestModseq };
  const changed: number[] = [];
  for (const { uid, modseq } of snapshot) if (modseq > since) changed.push(uid);
  const remembered = since > 0 ? vanished(since, highestModseq) : null;
  return { changed, vanished: remembered ?? gaps(snapshot), isExact: remembered !== null, highestModseq };
}

/** Every UID that was given and is not there. */
function gaps(snapshot: ChunkedSnapshot): UidRange[] {
  const found: UidRange[] = [];
  let next = 1;
  for (const { uid } of snapshot) {
    if (uid > next) found.push({ first: next, last: uid - 1 });
    next = uid + 1;
  }
  if (snapshot.uidNext > next) found.push({ first: next, last: snapshot.uidNext - 1 });
  return found;
}
