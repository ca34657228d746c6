/** What has changed for a reader (RFC 7162): what the store tells, and what the reader has seen meanwhile. */
import type { MailboxChanges } from "../contracts/mailbox-store.ts";
import type { ReaderSnapshot } from "./reader-snapshot.ts";
import { joinedRuns, runsOf } from "./uid-runs.ts";

export function mergedChanges(theirs: MailboxChanges, snapshot: ReaderSnapshot, since: number): MailboxChanges {
  const changed: number[] = [];
  for (const { first, last } of joinedRuns(runsOf(theirs.changed), snapshot.state.changedSince(since))) {
    for (let index = snapshot.indexOf(first); index < snapshot.size; index++) {
      const { uid } = snapshot.base.at(index);
      if (uid > last) break;
      changed.push(uid);
    }
  }
  return { ...theirs, changed, highestModseq: snapshot.highestModseq };
}
