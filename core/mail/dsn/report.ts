/**
 * A delivery status notification as a whole message (RFC 3461, 3464, 6522, 6533): words for a human, fields for a machine, and
 * the message it is about or that one's header. Bytes of the original are taken over as they are. Pure.
 */
import { formatDate } from "../date.ts";
import { encodeWords } from "../encode-words.ts";
import { formatField } from "../header.ts";
import { deliveryStatus, type ReportedMessage, type ReportedRecipient } from "./delivery-status.ts";
import { plainWords } from "./plain-words.ts";
import type { ReportKind, ReportTexts } from "./report-texts.ts";

export interface Report {
  readonly kind: ReportKind;
  readonly texts: ReportTexts;
  /** Id of the report's own envelope: makes its Message-ID and its boundary. */
  readonly id: string;
  readonly nowMs: number;
  /** Whom it goes to, and who answers for this server. Addresses as text. */
  readonly to: string;
  readonly postmaster: string;
  readonly message: ReportedMessage;
  readonly recipients: readonly ReportedRecipient[];
  /** The message came with SMTPUTF8: the report may have UTF-8 in it, and needs SMTPUTF8 itself. */
  readonly isSmtpUtf8: boolean;
  readonly original: {
    /** Message-ID as it stands there. */
    readonly messageId: string | null;
    /** The header block. */
    readonly header: Uint8Array;
    /** What follows it; `null`: the header alone is given back. */
    readonly body: readonly Uint8Array[] | null;
  };
}

export interface BuiltReport {
  readonly pieces: readonly Uint8Array[];
  readonly is8Bit: boolean;
  /** Only hosts with SMTPUTF8 can take it. */
  readonly isSmtpUtf8: boolean;
}

// RFC 6533 3, 4: what has no UTF-8 in its fields is an ordinary report, which every host takes.
function isInternational({ isSmtpUtf8, to, recipients, original, message }: Report): boolean {
  if (!isSmtpUtf8) return false;
  const addresses = recipients.flatMap((one) => [one.finalRecipient, one.originalRecipient?.address]);
  return has8Bit(original.header) || NON_ASCII.test([to, message.originalEnvelopeId, ...addresses].join());
}

export function buildReport(given: Report): BuiltReport {
  const recipients = given.recipients.map((one) => ({ ...one, diagnostic: breakable(one.diagnostic) }));
  const report = { ...given, recipients, isSmtpUtf8: isInternational(given) };
  const { original, isSmtpUtf8 } = report;
  const attached = original.body === null ? "header" : "message";
  const words = plainWords({ ...report, attached });
  const status = deliveryStatus(report.message, report.recipients, isSmtpUtf8);
  const attachedBytes = original.body === null ? [original.header] : [original.header, ...original.body];
  const isStatus8Bit = NON_ASCII.test(status);
  const encoding = !NON_ASCII.test(words) ? null : isSmtpUtf8 ? "8bit" : "base64";
  const isText8Bit = isStatus8Bit || encoding === "8bit";
  const isAttached8Bit = attachedBytes.some(has8Bit);
  // Nobody but us knows the id, so it cannot stand in the original.
  const boundary = `=_${report.id}`;
  const part = (type: string, coded: "8bit" | "base64" | null, description: string) =>
    `--${boundary}\r\n${formatField("Content-Description", description)}${formatField("Content-Type", type)}` +
    `${coded ? formatField("Content-Transfer-Encoding", coded) : ""}\r\n`;
  const as8Bit = (is8Bit: boolean) => (is8Bit ? "8bit" : null);
  const top = [
    header(report, boundary, isText8Bit || isAttached8Bit),
    part(`text/plain; charset=${encoding ? "utf-8" : "us-ascii"}`, encoding, "What happened"),
    encoding === "base64" ? inBase64(words) : words,
    "\r\n",
    part(`message/${isSmtpUtf8 ? "global-" : ""}delivery-status`, as8Bit(isStatus8Bit), "Delivery report"),
    status,
    "\r\n",
    part(
      givenType(original.body !== null, isSmtpUtf8),
      as8Bit(isAttached8Bit),
      original.body === null ? "Header" : "Message",
    ),
  ];
  return {
    pieces: [Buffer.from(top.join("")), ...attachedBytes, Buffer.from(`\r\n--${boundary}--\r\n`)],
    is8Bit: isText8Bit || isAttached8Bit,
    isSmtpUtf8,
  };
}

const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uFFFF -]+$/;

/** RFC 5322 3.2.5: what is more than atoms and blanks stands in quotes. */
function phrase(text: string, isGlobal: boolean): string {
  if (NON_ASCII.test(text) && !isGlobal) return encodeWords(text);
  return ATOMS.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** RFC 5322 2.1.1: no line over 998 octets, whatever somebody has said without a blank. A character may have four of them. */
const breakable = (text: string): string => text.replace(/\S{200}(?=\S)/g, "$& ");
const LONGEST_ID = 900;

function givenType(isWhole: boolean, isGlobal: boolean): string {
  if (isGlobal) return isWhole ? "message/global" : "message/global-headers";
  return isWhole ? "message/rfc822" : "text/rfc822-headers";
}

function header(report: Report, boundary: string, is8Bit: boolean): string {
  const host = report.message.reportingMta;
  const { texts, isSmtpUtf8 } = report;
  const { messageId } = report.original;
  const word = (text: string) => (isSmtpUtf8 ? text : encodeWords(text));
  const fields: (readonly [string, string])[] = [
    ["Date", formatDate(report.nowMs)],
    // RFC 3464 2.1: an address of a human who is responsible.
    ["From", `${phrase(texts.from, isSmtpUtf8)} <${report.postmaster}>`],
    ["To", `<${report.to}>`],
    ["Subject", word(texts.subjects[report.kind])],
    ["Message-ID", `<${report.id}@${host}>`],
    // RFC 3834 5
    ["Auto-Submitted", "auto-replied"],
    // RFC 3282 2
    ["Content-Language", texts.language],
    ["MIME-Version", "1.0"],
    // RFC 6522 3
    ["Content-Type", `multipart/report; report-type=delivery-status; boundary="${boundary}"`],
  ];
  if (messageId !== null && messageId.length <= LONGEST_ID && /^<[!-;=?-~]+>$/.test(messageId))
    fields.push(["References", messageId]);
  if (is8Bit) fields.push(["Content-Transfer-Encoding", "8bit"]);
  const preamble = "This is a report about a message, in the format of RFC 3464.\r\n\r\n";
  return `${fields.map(([name, value]) => formatField(name, value)).join("")}\r\n${preamble}`;
}

const NON_ASCII = /[^\u0000-\u007F]/;

// RFC 2045 6.8
const inBase64 = (text: string): string =>
  (
    Buffer.from(text)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  )
    .map((line) => `${line}\r\n`)
    .join("");

function has8Bit(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 127) return true;
  return false;
}
