/**
 * What a message that starts its way here may lack (RFC 6409 8): Date, Message-ID, From, a Sender where there are several authors,
 * and domains of bare addresses; of a message that is sent on, the same of its Resent- fields (RFC 5322 3.6.6). Blind copies are
 * blind: Bcc goes. Nothing else that is there is touched, and what cannot be read with certainty stays as it is.
 */
import type { Envelope } from "../contracts/envelope.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Change } from "../contracts/verdicts.ts";
import { createMessage, editMessage, type StoredMessage } from "../kernel/message.ts";
import { countMailboxes, editAddresses } from "../mail/address-editor.ts";
import { formatDate } from "../mail/date.ts";
import { editFields } from "../mail/header.ts";

/** Fields that hold address lists (RFC 5322 3.6.2, 3.6.3, 3.6.6), and those of practice. */
const addressFields: ReadonlySet<string> = new Set([
  ...["from", "sender", "reply-to", "to", "cc"],
  ...["resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc"],
  ...["disposition-notification-to", "return-receipt-to", "errors-to", "apparently-to"],
]);

const resentFields = ["From", "Date", "To", "Sender", "Cc", "Bcc", "Message-ID"].map((name) => `Resent-${name}`);

export function completed(
  message: StoredMessage,
  envelope: Envelope,
  facts: ServerFacts,
  nowMs: number,
): StoredMessage {
  return editMessage(qualified(message, facts.origin), additions(message, envelope, facts, nowMs));
}

/** RFC 6409 8.5: `ann` becomes `ann@origin`. */
function qualified(message: StoredMessage, origin: string): StoredMessage {
  const header = editFields(message.header, addressFields, (value) =>
    editAddresses(value, ({ localPart, domain }) => (domain === null ? `${localPart}@${origin}` : null)),
  );
  return header === message.header ? message : createMessage(header, message.body);
}

function additions(
  { headers }: StoredMessage,
  { id, reversePath }: Envelope,
  { hostname }: ServerFacts,
  nowMs: number,
): readonly Change[] {
  const changes: Change[] = [];
  const isResent = resentFields.some((name) => headers.get(name) !== undefined);
  const prefix = isResent ? "Resent-" : "";
  // RFC 5322 3.6.6: the newest group of Resent- fields stands first, and is the one that may lack something.
  const add = (name: string, value: string) =>
    changes.push({ op: isResent ? "prepend" : "append", header: `${prefix}${name}`, value });
  const lacks = (name: string) => headers.get(`${prefix}${name}`) === undefined;
  // RFC 6409 8.2
  if (lacks("Date")) add("Date", formatDate(nowMs));
  // RFC 6409 8.3
  if (lacks("Message-ID")) add("Message-ID", `<${id}@${hostname}>`);
  // RFC 5322 3.6: a message has an author. The null sender has none that could be named.
  if (lacks("From") && reversePath !== null) add("From", `<${reversePath}>`);
  // RFC 6409 8.1, RFC 5322 3.6.2: several authors, and one of them, or somebody for them, sends it.
  if (lacks("Sender") && reversePath !== null && countMailboxes(headers.get(`${prefix}From`) ?? "") > 1)
    add("Sender", `<${reversePath}>`);
  for (const name of ["Bcc", "Resent-Bcc"])
    if (headers.get(name) !== undefined) changes.push({ op: "removeHeader", header: name });
  return changes;
}
