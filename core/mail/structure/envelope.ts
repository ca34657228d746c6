/**
 * The ENVELOPE of RFC 3501 7.4.2, from the fields of a header. Values are octet strings as they stand there, unfolded, encoded words and all.
 * A missing field is `null`; nothing throws.
 */
import { type EnvelopeAddress, parseAddressList } from "./address-list.ts";
import type { KnownField } from "./field-names.ts";

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

/** `fields` by name, unfolded. */
export function envelopeOf(fields: ReadonlyMap<KnownField, string>): MessageEnvelope {
  const text = (name: KnownField): string | null => fields.get(name) ?? null;
  const addresses = (name: KnownField) => {
    const value = fields.get(name);
    return value === undefined ? null : parseAddressList(value);
  };
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
