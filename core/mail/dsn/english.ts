/** Reports in English: what every other language falls back on. */
import type { ReportTexts } from "./report-texts.ts";

const writeToPostmaster = "If it goes on, ask the recipient in another way, or write to the postmaster named below.";

export const english = {
  language: "en",
  from: "Mail Delivery System",
  subjects: {
    failed: "Your message could not be delivered",
    delayed: "Your message is delayed",
    succeeded: "Your message has been delivered",
    double: "A message without a sender could not be delivered",
  },
  server: "This is the mail server {server}.",
  openings: {
    failed:
      "The message that you sent on {when} could not be delivered to the recipients below, and it will not be tried again.",
    delayed:
      "The message that you sent on {when} has not been delivered to the recipients below yet. You need not send it again: this server goes on trying.",
    succeeded:
      "You asked to be told: the message that you sent on {when} has reached the recipients below as described.",
    double:
      "A message that came in on {when} could not be delivered to the recipients below. It has no sender who could be told, so you as the postmaster are.",
  },
  attached: { header: "The header of the message is attached.", message: "The message is attached." },
  help: "If you need help, write to {postmaster} and name the id {id}.",
  advice: "What you can do: {advice}",
  until: "It is tried until {until}.",
  ourWords: "In technical words: {diagnostic}",
  theirWords: "The server {host} said: {diagnostic}",
  passedOn: {
    delivered: "It has been delivered.",
    relayed: "It was handed to the next server, which sends no confirmation of its own.",
    expanded: "It was passed on to the addresses behind this one; from there no confirmation follows.",
  },
  reasons: {
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
    other: { reason: "The other side gave no reason that we know.", advice: writeToPostmaster },
  },
} as const satisfies ReportTexts;
