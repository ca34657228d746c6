/**
 * Sizes and dates of messages that somebody has looked up: written a little later, those of messages that stand together in one go. Where
 * they cannot be written they are forgotten, as they can be found out again.
 */
import type { IndexedMailbox } from "../contracts/mailbox-index.ts";
import type { ShardEnvironment } from "./environment.ts";
import type { Messages } from "./messages.ts";
import type { Writer } from "./writer.ts";

const BATCH = 256;
const BATCH_BYTES = BATCH * 64;

interface Found {
  internalDate: number;
  sizeBytes: number;
}

/** `messagesIn`: those of the mailbox as it is when they are written; `null` if nothing is known of it. */
export function createLearner(
  writer: Writer,
  messagesIn: (environment: ShardEnvironment) => Messages | null,
): IndexedMailbox["learn"] {
  const write = (environment: ShardEnvironment, batch: Map<number, Found>): void => {
    const messages = messagesIn(environment);
    for (const [uid, { internalDate, sizeBytes }] of batch) {
      const known = messages?.at(uid);
      if (!known) continue;
      const { flags, place, modseq } = known;
      messages?.put({
        uid,
        flags,
        place,
        modseq,
        internalDate: internalDate < 0 ? known.internalDate : internalDate,
        sizeBytes: sizeBytes < 0 ? known.sizeBytes : sizeBytes,
      });
    }
    messages?.write();
    batch.clear();
  };
  let batch = new Map<number, Found>();
  return (uid, { internalDate, sizeBytes }) => {
    // Written, or full.
    if (batch.size === 0 || batch.size === BATCH) {
      const next = new Map<number, Found>();
      batch = next;
      writer.add({ bytes: BATCH_BYTES, run: (environment) => write(environment, next) });
    }
    const known = batch.get(uid);
    if (!known) batch.set(uid, { internalDate, sizeBytes });
    else {
      if (internalDate >= 0) known.internalDate = internalDate;
      if (sizeBytes >= 0) known.sizeBytes = sizeBytes;
    }
  };
}
