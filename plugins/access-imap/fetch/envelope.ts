/** ENVELOPE (RFC 3501 7.4.2). */
import type { EnvelopeAddress, MessageEnvelope } from "postern/mail";
import type { Strings } from "./strings.ts";

export function formatEnvelope(envelope: MessageEnvelope, strings: Strings): string {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope;
  const origin = formatAddresses(from, strings);
  // Most messages have neither field: the list is the same one then.
  const other = (list: typeof from) => (list === from ? origin : formatAddresses(list, strings));
  const others = `${other(sender)} ${other(replyTo)}`;
  const targets = `${formatAddresses(to, strings)} ${formatAddresses(cc, strings)} ${formatAddresses(bcc, strings)}`;
  const texts = `${formatNstring(date, strings)} ${formatNstring(subject, strings)}`;
  const ids = `${formatNstring(inReplyTo, strings)} ${formatNstring(messageId, strings)}`;
  return `(${texts} ${origin} ${others} ${targets} ${ids})`;
}

const formatNstring = (value: string | null, strings: Strings): string => (value === null ? "NIL" : strings(value));

function formatAddresses(addresses: readonly EnvelopeAddress[] | null, strings: Strings): string {
  if (addresses === null) return "NIL";
  let list = "(";
  for (const { name, route, mailbox, host } of addresses) {
    const person = `${formatNstring(name, strings)} ${formatNstring(route, strings)}`;
    list += `(${person} ${formatNstring(mailbox, strings)} ${formatNstring(host, strings)})`;
  }
  return `${list})`;
}
