/** What each commit changed, so that others hear of it, and QRESYNC of what vanished. Bounded: the oldest entries go, and the head says since when it is whole. */
import type { KnownMessage } from "../contracts/mailbox-index.ts";
import type { UidRange } from "../contracts/mailbox-store.ts";
import type { ShardEnvironment } from "./environment.ts";
import { behind, journalKey, journalModseq } from "./keys.ts";
import type { Messages } from "./messages.ts";
import { decodeEntry, type Head } from "./records.ts";
import { joined, uidsIn } from "./uid-ranges.ts";

const MAX_ENTRIES = 16_384;
const MAX_BYTES = 1024 * 1024;
/** So many go at once, and as many more as are needed. */
const TRIM_STEP = 256;

export interface Where {
  readonly scope: Buffer;
  readonly head: Head;
  readonly since: number;
}

/** What changed after `since`, as it is now; `null` where that is not remembered. */
export function newsSince(
  environment: ShardEnvironment,
  messages: Messages,
  { scope, head, since }: Where,
): { readonly put: readonly KnownMessage[]; readonly vanished: readonly number[] } | null {
  if (since >= head.highestModseq) return { put: [], vanished: [] };
  if (since < head.exactSince) return null;
  const changes: UidRange[] = [];
  const gone: UidRange[] = [];
  for (const { key, value } of environment.journal.getRange({
    start: journalKey(scope, since + 1),
    end: behind(scope),
  })) {
    const entry = decodeEntry(Buffer.from(value), key);
    changes.push(...entry.changed);
    gone.push(...entry.vanished);
  }
  const put: KnownMessage[] = [];
  for (const uid of uidsIn(joined(changes))) {
    const message = messages.at(uid);
    if (message) put.push(message);
  }
  return { put, vanished: [...uidsIn(joined(gone))] };
}

/** UIDs that vanished in `(since, until]`; `null` where that is not remembered. */
export function vanishedIn(
  environment: ShardEnvironment,
  { scope, head, since }: Where,
  until: number,
): readonly UidRange[] | null {
  if (since < head.exactSince) return null;
  const gone: UidRange[] = [];
  const range = { start: journalKey(scope, since + 1), end: journalKey(scope, until + 1) };
  for (const { key, value } of environment.journal.getRange(range))
    gone.push(...decodeEntry(Buffer.from(value), key).vanished);
  return joined(gone);
}

/** Inside a transaction: the head as it is after the oldest entries went, if there are too many. */
export function trimmed({ journal }: ShardEnvironment, scope: Buffer, head: Head): Head {
  if (head.journalEntries <= MAX_ENTRIES && head.journalBytes <= MAX_BYTES) return head;
  let { journalEntries, journalBytes, exactSince } = head;
  const doomed: Buffer[] = [];
  for (const { key, value } of journal.getRange({ start: scope, end: behind(scope) })) {
    const isEnough = journalEntries <= MAX_ENTRIES - TRIM_STEP && journalBytes <= MAX_BYTES / 2;
    // The latest one stays: others have to hear of it.
    if (isEnough || journalEntries <= 1) break;
    doomed.push(Buffer.from(key));
    journalEntries--;
    journalBytes = Math.max(0, journalBytes - key.length - value.length);
    exactSince = journalModseq(key);
  }
  for (const key of doomed) journal.remove(key);
  return { ...head, journalEntries, journalBytes, exactSince };
}
