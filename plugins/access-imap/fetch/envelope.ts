/** ENVELOPE (RFC 3501 7.4.2). */
import type { EnvelopeAddress, MessageEnvelope } from "postern/mail";
import { formatNstring } from "../wire/format.ts";

export function formatEnvelope(envelope: MessageEnvelope): string {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope;
  const texts = `${formatNstring(date)} ${formatNstring(subject)}`;
  const lists = [from, sender, replyTo, to, cc, bcc].map(formatAddresses).join(" ");
  return `(${texts} ${lists} ${formatNstring(inReplyTo)} ${formatNstring(messageId)})`;
}

function formatAddresses(addresses: readonly EnvelopeAddress[] | null): string {
  if (addresses === null) return "NIL";
  let list = "";
  for (const { name, route, mailbox, host } of addresses)
    list += `(${formatNstring(name)} ${formatNstring(route)} ${formatNstring(mailbox)} ${formatNstring(host)})`;
  return `(${list})`;
}
