/**
 * The human's part of a report: what happened, why in plain words, and what the reader can do, in the language that the texts are
 * in. Pure.
 */
import { safeText } from "../header.ts";
import type { ReportedMessage, ReportedRecipient } from "./delivery-status.ts";
import { english } from "./english.ts";
import { filled, type ReportKind, type ReportTexts, reasonFor } from "./report-texts.ts";

export interface PlainWords {
  readonly kind: ReportKind;
  readonly message: ReportedMessage;
  readonly recipients: readonly ReportedRecipient[];
  readonly postmaster: string;
  /** What of the message is attached. */
  readonly attached: "message" | "header";
  readonly texts: ReportTexts;
}

export function plainWords({ kind, message, recipients, postmaster, attached, texts }: PlainWords): string {
  const paragraphs = [
    filled(texts.server, { server: message.reportingMta }),
    filled(texts.openings[kind], { when: dateIn(texts.language, message.arrivedAt) }),
    ...recipients.map((recipient) => aboutRecipient(kind, recipient, texts)),
    texts.attached[attached],
    filled(texts.help, { postmaster, id: message.queueId }),
  ];
  return `${paragraphs.map(wrapped).join("\r\n\r\n")}\r\n`;
}

function aboutRecipient(kind: ReportKind, recipient: ReportedRecipient, texts: ReportTexts): string {
  const { finalRecipient, action, status, willRetryUntil, remoteHost, diagnostic } = recipient;
  const { originalRecipient: wanted } = recipient;
  const isOther = wanted?.type === "rfc822" && wanted.address.toLowerCase() !== finalRecipient.toLowerCase();
  // What the reader wrote comes first: he may never have seen where that leads.
  const lines = [isOther ? `<${wanted.address}> (<${finalRecipient}>)` : `<${finalRecipient}>`];
  if (kind === "succeeded") {
    if (action === "delivered" || action === "relayed" || action === "expanded") lines.push(texts.passedOn[action]);
    return indented(lines);
  }
  const { reason, advice } = reasonFor(texts, status) ?? english.reasons.other;
  lines.push(reason);
  if (kind === "failed") lines.push(filled(texts.advice, { advice }));
  if (willRetryUntil !== null) lines.push(filled(texts.until, { until: dateIn(texts.language, willRetryUntil) }));
  lines.push(
    remoteHost === null
      ? filled(texts.ourWords, { diagnostic })
      : filled(texts.theirWords, { host: remoteHost, diagnostic }),
  );
  return indented(lines);
}

/** As people there write it. */
const dateIn = (language: string, atMs: number): string =>
  new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", timeZone: "UTC" })
    .format(atMs)
    // Some locales write blanks that are no ASCII.
    .replace(/[\u00A0\u202F]/g, " ");

const indented = (lines: readonly string[]): string => lines.join("\r\n  ");

const WIDTH = 72;

/** Lines no longer than they should be (RFC 5322 2.1.1), with their indent; without control characters. */
function wrapped(paragraph: string): string {
  return paragraph
    .split("\r\n")
    .map((line) => {
      const indent = /^ */.exec(line)?.[0] ?? "";
      const lines: string[] = [];
      let current = indent;
      for (const word of safeText(line).trim().split(/ +/)) {
        if (current.trim() !== "" && current.length + word.length + 1 > WIDTH) {
          lines.push(current);
          current = `${indent}${indent}${word}`;
        } else current = current.trim() === "" ? `${indent}${word}` : `${current} ${word}`;
      }
      return [...lines, current].join("\r\n");
    })
    .join("\r\n");
}
