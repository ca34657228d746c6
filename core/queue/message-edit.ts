/** Changes to a message's bytes that core applies itself, and messages that a foreign spool made. */
import type { Message } from "../contracts/envelope.ts";
import type { Spool } from "../contracts/spool.ts";
import type { Change } from "../contracts/verdicts.ts";
import { createMessage, editMessage, isStored, type StoredMessage } from "../kernel/message.ts";
import { headerEnd } from "../mail/header.ts";

export const editsMessage = ({ op }: Change): boolean =>
  op === "prepend" || op === "append" || op === "removeHeader" || op === "replaceBody";

/** The message with its header edited and its body replaced, as the changes say. Rejects as `Spool.receive` does. */
export async function edited(spool: Spool, message: StoredMessage, changes: readonly Change[]): Promise<StoredMessage> {
  const withHeader = editMessage(message, changes);
  const replacement = changes.findLast((change) => change.op === "replaceBody");
  if (!replacement) return withHeader;
  const intake = spool.receive(null);
  try {
    await intake.write(withHeader.header);
    for await (const piece of replacement.body)
      await intake.write(typeof piece === "string" ? Buffer.from(piece) : piece);
    return stored(await intake.end());
  } catch (cause) {
    await intake.abort();
    throw cause;
  }
}

// RFC 5321 4.5.3 sets no limit for a header; this one only guards the search in a message that has none.
const HEADER_LIMIT_BYTES = 1024 * 1024;

/** The message as pieces with its header apart. Throws for one that is neither ours nor in memory. */
export function stored(message: Message): StoredMessage {
  if (isStored(message)) return message;
  const pieces = message.inMemory();
  if (!pieces) throw new TypeError("a message from a foreign spool is not in memory");
  const bytes = Buffer.concat(pieces, Math.min(message.sizeBytes, HEADER_LIMIT_BYTES));
  const end = headerEnd(bytes);
  if (end === -1) return createMessage(bytes, []);
  const body: Uint8Array[] = [];
  let skip = end;
  for (const piece of pieces) {
    if (piece.length > skip) body.push(piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return createMessage(bytes.subarray(0, end), body);
}
