/**
 * The ENVELOPE of RFC 3501 7.4.2, from a header block. Values are octet strings as they stand in the header, unfolded,
 * encoded words and all. A missing field is `null`; nothing throws. Of fields given twice the first counts.
 */
import { type EnvelopeAddress, parseAddressList } from "./address-list.ts";
import { headerFields, unfold } from "./header-fields.ts";

export interface MessageEnvelope {
  readonly date: string | null;
  readonly subject: string | null;
  readonly from: readonly EnvelopeAddress[] | null;
  /** `from` where the message has none (RFC 3501 7.4.2). */
  readonly sender: readonly EnvelopeAddress[] | null;
  readonly replyTo: readonly EnvelopeAddress[] | null;
  readonly to: readonly EnvelopeAddress[] | null;
  readonly cc: readonly EnvelopeAddress[] | null;
  readonly bcc: readonly EnvelopeAddress[] | null;
  readonly inReplyTo: string | null;
  readonly messageId: string | null;
}

const fieldsOfEnvelope = new Map([
  ["date", "date"],
  ["subject", "subject"],
  ["from", "from"],
  ["sender", "sender"],
  ["reply-to", "replyTo"],
  ["to", "to"],
  ["cc", "cc"],
  ["bcc", "bcc"],
  ["in-reply-to", "inReplyTo"],
  ["message-id", "messageId"],
] as const);

/** `header` is the header block, or anything that begins with it. */
export function parseEnvelope(header: Uint8Array): MessageEnvelope {
  const values = new Map<string, string>();
  for (const field of headerFields(header)) {
    // "in-reply-to" is the longest name of interest: others need not be turned to lower case.
    if (field.name.length > 11) continue;
    const key = fieldsOfEnvelope.get(field.name.toLowerCase() as "date");
    if (key !== undefined && !values.has(key)) values.set(key, unfold(header, field.valueStart, field.end));
  }
  const text = (key: string): string | null => values.get(key) ?? null;
  const addresses = (key: string) => parseAddressList(values.get(key) ?? "");
  const from = addresses("from");
  return {
    date: text("date"),
    subject: text("subject"),
    from,
    sender: addresses("sender") ?? from,
    replyTo: addresses("replyTo") ?? from,
    to: addresses("to"),
    cc: addresses("cc"),
    bcc: addresses("bcc"),
    inReplyTo: text("inReplyTo"),
    messageId: text("messageId"),
  };
}
