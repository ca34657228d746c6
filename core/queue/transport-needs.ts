/**
 * What a finished message asks of whoever carries it on, as durable facts: whether it really needs SMTPUTF8, and whether its
 * author minds that it travels in clear. Looks at the header's bytes only.
 */
import { TLS_OPTIONAL_LABEL } from "../contracts/envelope.ts";
import type { EnvelopeState } from "../kernel/envelope.ts";
import type { StoredMessage } from "../kernel/message.ts";
import { needsSmtpUtf8 } from "../mail/address.ts";
import { hasField } from "./field-scan.ts";

const FIRST_NON_ASCII = 0x80;

export function noteTransport(envelope: EnvelopeState, message: StoredMessage): void {
  // RFC 6531 3.2: a client that says SMTPUTF8 for plain mail must not make it bounce at the next host.
  if (envelope.isSmtpUtf8 && !isInternational(envelope, message.header)) envelope.isSmtpUtf8 = false;
  // RFC 8689 4.1: the field counts for nothing beside REQUIRETLS
  if (envelope.requiresTls || !hasField(message.header, "tls-required")) return;
  if (message.headers.get("TLS-Required")?.trim().toLowerCase() === "no") envelope.setLabel(TLS_OPTIONAL_LABEL, true);
}

const isInternational = ({ reversePath, recipients }: EnvelopeState, header: Uint8Array): boolean =>
  (reversePath !== null && needsSmtpUtf8(reversePath)) ||
  recipients.some(({ address }) => needsSmtpUtf8(address)) ||
  header.some((octet) => octet >= FIRST_NON_ASCII);
