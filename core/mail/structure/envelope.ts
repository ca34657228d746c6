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

/** `header` is the header block, or anything that begins with it. */
export const parseEnvelope = (header: Uint8Array): MessageEnvelope => envelopeOf(envelopeFields(header));

/** The fields that an envelope is made of, and `References`, unfolded; by name in lower case. */
export function envelopeFields(header: Uint8Array): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const field of headerFields(header)) {
    // "in-reply-to" is the longest name of interest: others need not be turned to lower case.
    if (field.name.length > 11) continue;
    const name = field.name.toLowerCase();
    if (isEnvelopeField(name) && !values.has(name)) values.set(name, unfold(header, field.valueStart, field.end));
  }
  return values;
}

const names = new Set(
  ["date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"].concat(
    "references",
  ),
);
export const isEnvelopeField = (lowerCaseName: string): boolean => names.has(lowerCaseName);

export function envelopeOf(fields: ReadonlyMap<string, string>): MessageEnvelope {
  const text = (name: string): string | null => fields.get(name) ?? null;
  const addresses = (name: string) => parseAddressList(fields.get(name) ?? "");
  const from = addresses("from");
  return {
    date: text("date"),
    subject: text("subject"),
    from,
    sender: addresses("sender") ?? from,
    replyTo: addresses("reply-to") ?? from,
    to: addresses("to"),
    cc: addresses("cc"),
    bcc: addresses("bcc"),
    inReplyTo: text("in-reply-to"),
    messageId: text("message-id"),
  };
}
