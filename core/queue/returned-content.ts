/** How much of a message a report gives back: as RET asks (RFC 3461 4.3), within limits; the header alone where in doubt. */
import type { Envelope, Message } from "../contracts/envelope.ts";
import { readPieces, type StoredMessage } from "../kernel/message.ts";
import { asStored } from "../kernel/message-changes.ts";
import type { Report } from "../mail/dsn/report.ts";
import type { ReportKind } from "../mail/dsn/report-texts.ts";
import type { QueueOptions } from "./queue-options.ts";

export async function originalOf(
  envelope: Envelope,
  message: Message,
  kind: ReportKind,
  options: QueueOptions,
): Promise<Report["original"]> {
  const messageId = message.headers.get("Message-ID") ?? null;
  let stored: StoredMessage;
  try {
    stored = asStored(message);
  } catch {
    // A foreign spool's message that only streams: a report without it is better than none.
    return { messageId, header: new Uint8Array(), body: null };
  }
  const { header } = stored;
  return { messageId, header, body: givesBody(envelope, message, kind, options) ? await bodyOf(stored) : null };
}

function givesBody(envelope: Envelope, { sizeBytes }: Message, kind: ReportKind, options: QueueOptions): boolean {
  // RFC 3461 4.3: RET speaks of failures; other reports give back the header.
  if (kind === "delayed" || kind === "succeeded" || envelope.ret === "hdrs") return false;
  // RFC 8689 5: as if RET=HDRS had been said
  if (envelope.requiresTls) return false;
  // RFC 3030 4: binary content cannot stand inside a report that is not binary itself.
  if (envelope.body === "binarymime") return false;
  return sizeBytes <= (envelope.ret === "full" ? options.returnedFullBytes : options.returnedBytes);
}

/** `null` if it cannot be read: the header alone then. */
async function bodyOf({ body }: StoredMessage): Promise<readonly Uint8Array[] | null> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of readPieces(body)) pieces.push(piece);
    return pieces;
  } catch {
    return null;
  }
}
