/**
 * The human's part of a report: what happened, why in plain words, and what the reader can do. All sentences stand here, so that
 * a later issue can translate them. Pure.
 */
import { formatDate } from "../date.ts";
import { safeText } from "../header.ts";
import type { ReportedMessage, ReportedRecipient } from "./delivery-status.ts";

/** `double`: to the postmaster, about a message that has no sender to be told. */
export type ReportKind = "failed" | "delayed" | "succeeded" | "double";

interface Advice {
  readonly reason: string;
  readonly advice: string;
}

const writeToPostmaster = "If it goes on, ask the recipient in another way, or write to the postmaster named below.";

/** By subject and detail of the status (RFC 3463), then by subject alone. */
const adviceByStatus: Readonly<Record<string, Advice>> = {
  "1.1": {
    reason: "There is no mailbox with this address.",
    advice: "Check the address for spelling mistakes and send the message again.",
  },
  "1.2": {
    reason: "The part of the address behind the @ does not exist.",
    advice: "Check the address for spelling mistakes and send the message again.",
  },
  "1.6": {
    reason: "The mailbox has moved, and where to is not known.",
    advice: "Ask the recipient for the new address.",
  },
  "1.10": {
    reason: "The domain of the recipient accepts no mail at all.",
    advice: "Ask the recipient for another address.",
  },
  "1": {
    reason: "The address was not accepted.",
    advice: "Check the address for spelling mistakes and send the message again.",
  },
  "2.1": {
    reason: "The mailbox is switched off.",
    advice: "Reach the recipient in another way.",
  },
  "2.2": {
    reason: "The mailbox is full.",
    advice: "Tell the recipient in another way, and send the message again later.",
  },
  "2.3": {
    reason: "The message is larger than the mailbox accepts.",
    advice: "Send a smaller message, or a link instead of the attachment.",
  },
  "2": { reason: "The mailbox could not take the message.", advice: writeToPostmaster },
  "3.4": {
    reason: "The message is larger than the other server accepts.",
    advice: "Send a smaller message, or a link instead of the attachment.",
  },
  "4.1": {
    reason: "The other server did not answer.",
    advice: "Send the message again later. Check the part of the address behind the @ as well.",
  },
  "4.4": {
    reason: "No server was found that takes mail for this domain.",
    advice: "Check the part of the address behind the @ and send the message again.",
  },
  "4.6": {
    reason: "The message went in a circle between servers.",
    advice: "You can do nothing about it; the recipient's postmaster has to mend a forwarding.",
  },
  "4.7": {
    reason: "The message could not be delivered in all the time that it was tried.",
    advice: "Send the message again, or reach the recipient in another way.",
  },
  "4": { reason: "The other server could not be reached.", advice: "Send the message again later." },
  "6.7": {
    reason: "The other server does not accept addresses or headers with letters beyond ASCII.",
    advice: "Use an address of plain letters, for the recipient and for yourself.",
  },
  "6": { reason: "The other server does not accept this kind of content.", advice: "Send it in another format." },
  "7.1": {
    reason: "The other side does not accept this message from you.",
    advice: "Ask the recipient in another way to let your messages pass.",
  },
  "7": {
    reason: "The message was refused for reasons of security or policy.",
    advice: "Ask the recipient in another way what is accepted there.",
  },
};

const unknownReason: Advice = { reason: "The other side gave no reason that we know.", advice: writeToPostmaster };

export function adviceFor(status: string): Advice {
  const [, subject = "", detail = ""] = status.split(".");
  return adviceByStatus[`${subject}.${detail}`] ?? adviceByStatus[subject] ?? unknownReason;
}

const subjects: Readonly<Record<ReportKind, string>> = {
  failed: "Your message could not be delivered",
  delayed: "Your message is delayed",
  succeeded: "Your message has been delivered",
  double: "A message without a sender could not be delivered",
};

export const subjectOf = (kind: ReportKind): string => subjects[kind];

/** What of the message is attached. */
export type Attached = "message" | "header";

export function plainWords(about: {
  readonly kind: ReportKind;
  readonly message: ReportedMessage;
  readonly recipients: readonly ReportedRecipient[];
  readonly postmaster: string;
  readonly attached: Attached;
}): string {
  const { kind, message, recipients, postmaster } = about;
  const paragraphs = [
    `This is the mail server ${message.reportingMta}.`,
    opening(kind, message),
    ...recipients.map((recipient) => aboutRecipient(kind, recipient)),
    about.attached === "header"
      ? "The header of the message is attached."
      : `${kind === "double" ? "The" : "Your"} message is attached.`,
    `If you need help, write to ${postmaster} and name the id ${message.queueId}.`,
  ];
  return `${paragraphs.map(wrapped).join("\r\n\r\n")}\r\n`;
}

function opening(kind: ReportKind, message: ReportedMessage): string {
  const when = formatDate(message.arrivedAt);
  switch (kind) {
    case "failed":
      return `The message that you sent on ${when} could not be delivered to the recipients below, and it will not be tried again.`;
    case "delayed":
      return `The message that you sent on ${when} has not been delivered to the recipients below yet. You need not send it again: this server goes on trying.`;
    case "succeeded":
      return `You asked to be told: the message that you sent on ${when} has reached the recipients below as described.`;
    case "double":
      return `A message that came in on ${when} could not be delivered to the recipients below. It has no sender who could be told, so you as the postmaster are.`;
  }
}

function aboutRecipient(kind: ReportKind, recipient: ReportedRecipient): string {
  const lines = [`<${recipient.finalRecipient}>`];
  if (kind === "succeeded") return [...lines, `  ${successes[recipient.action] ?? ""}`].join("\r\n");
  const { reason, advice } = adviceFor(recipient.status);
  lines.push(`  ${reason}`);
  if (kind === "failed") lines.push(`  What you can do: ${advice}`);
  if (recipient.willRetryUntil !== null) lines.push(`  It is tried until ${formatDate(recipient.willRetryUntil)}.`);
  lines.push(
    `  ${recipient.remoteHost === null ? "In technical words" : `The server ${recipient.remoteHost} said`}: ${recipient.diagnostic}`,
  );
  return lines.join("\r\n");
}

const successes: Readonly<Partial<Record<ReportedRecipient["action"], string>>> = {
  delivered: "It is in the mailbox.",
  relayed: "It was handed to the next server, which sends no confirmation of its own.",
  expanded: "It was passed on to the addresses behind this one; from there no confirmation follows.",
};

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
