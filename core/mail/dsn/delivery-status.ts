/** The machine's part of a report: message/delivery-status (RFC 3464), message/global-delivery-status (RFC 6533). Pure. */
import { formatDate } from "../date.ts";
import { formatField } from "../header.ts";

/** RFC 3464 2.3.3 */
export type Action = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

export interface ReportedRecipient {
  /** Address as text. */
  readonly finalRecipient: string;
  /** RFC 3461 4.2, decoded from xtext. */
  readonly originalRecipient: { readonly type: string; readonly address: string } | null;
  readonly action: Action;
  /** RFC 3463: `5.1.1`. */
  readonly status: string;
  /** Who said so: a host; `null`: this server. */
  readonly remoteHost: string | null;
  /** What was said: `550 5.1.1 User unknown`. */
  readonly diagnostic: string;
  /** Milliseconds since 1970. */
  readonly lastAttemptAt: number | null;
  readonly willRetryUntil: number | null;
}

export interface ReportedMessage {
  readonly reportingMta: string;
  readonly arrivedAt: number;
  /** ENVID, decoded from xtext. */
  readonly originalEnvelopeId: string | null;
  /** Our id, for whoever searches the log. */
  readonly queueId: string;
}

/** Fields of the message, an empty line, then a group of fields for each recipient. `isGlobal`: UTF-8 may stand in it. */
export function deliveryStatus(
  message: ReportedMessage,
  recipients: readonly ReportedRecipient[],
  isGlobal: boolean,
): string {
  const field = (name: string, value: string) => formatField(name, isGlobal ? value : asciiOnly(value));
  const groups = [
    perMessage(message, field),
    ...recipients.map((recipient) => perRecipient(recipient, isGlobal, field)),
  ];
  return groups.join("\r\n");
}

type Field = (name: string, value: string) => string;

// RFC 3464 2.2
function perMessage(message: ReportedMessage, field: Field): string {
  const { originalEnvelopeId } = message;
  return [
    originalEnvelopeId === null ? "" : field("Original-Envelope-Id", originalEnvelopeId),
    field("Reporting-MTA", `dns; ${message.reportingMta}`),
    field("X-Postern-Id", message.queueId),
    field("Arrival-Date", formatDate(message.arrivedAt)),
  ].join("");
}

// RFC 3464 2.3
function perRecipient(recipient: ReportedRecipient, isGlobal: boolean, field: Field): string {
  const { originalRecipient, remoteHost, lastAttemptAt, willRetryUntil } = recipient;
  return [
    originalRecipient === null ? "" : field("Original-Recipient", typedAddress(originalRecipient, isGlobal)),
    field("Final-Recipient", typedAddress({ type: "rfc822", address: recipient.finalRecipient }, isGlobal)),
    field("Action", recipient.action),
    field("Status", recipient.status),
    remoteHost === null ? "" : field("Remote-MTA", `dns; ${remoteHost}`),
    // RFC 3464 2.3.6: what is not a reply of SMTP has a type of its own.
    field("Diagnostic-Code", `${remoteHost === null ? "x-postern" : "smtp"}; ${recipient.diagnostic}`),
    lastAttemptAt === null ? "" : field("Last-Attempt-Date", formatDate(lastAttemptAt)),
    willRetryUntil === null ? "" : field("Will-Retry-Until", formatDate(willRetryUntil)),
  ].join("");
}

const NON_ASCII = /[^\u0000-\u007F]/;

// RFC 6533 3: an address with UTF-8 in it has its own type, and a form in ASCII (utf-8-addr-xtext) for where that is asked for.
function typedAddress({ type, address }: { type: string; address: string }, isGlobal: boolean): string {
  if (!NON_ASCII.test(address)) return `${type};${address}`;
  if (isGlobal) return `utf-8;${address}`;
  const escaped = [...address].map((char) =>
    NON_ASCII.test(char) || char === "\\" || char === "+" || char === "=" || char <= " "
      ? `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`
      : char,
  );
  return `utf-8;${escaped.join("")}`;
}

const asciiOnly = (value: string): string => value.replace(/[^\u0000-\u007F]/gu, "?");
