/** One message from standard input into the maildrop: whole, or not at all. */
import type { Readable } from "node:stream";
import { exitCodes } from "../kernel/exit-codes.ts";
import { needsSmtpUtf8, parsePath } from "../mail/address.ts";
import { formatField } from "../mail/header.ts";
import type { SendmailFacts } from "../maildrop/facts.ts";
import { Leaving } from "../maildrop/leave.ts";
import { callerFullName, callerName, fromField } from "./caller.ts";
import { HeaderGate } from "./header-gate.ts";
import { Input } from "./input.ts";
import type { Options } from "./options.ts";
import { readHeaderFacts, readRecipients, readSender } from "./recipients.ts";
import { cannotLeave, SendmailError } from "./sendmail-error.ts";

/** As the SMTP front has it by default; the server has the last word. */
const HEADER_LIMIT_BYTES = 512 * 1024;
const FIRST_NON_ASCII = 0x80;

/** Answers the name under which it was left. Rejects with a `SendmailError`; nothing is left then. */
export async function deliver(options: Options, facts: SendmailFacts, input: Readable): Promise<string> {
  const named = readRecipients(options.recipients);
  if (named.length === 0 && !options.readsRecipients)
    throw new SendmailError("nobody is named to send to, neither here nor, with -t, in the message", exitCodes.usage);
  const sender = senderOf(options, facts);
  const leaving = begin(facts);
  const giveUp = onSignal(leaving);
  try {
    const collected = await collect(options, { facts, sender, leaving, input });
    const recipients = [...new Set([...named, ...collected.recipients])];
    if (recipients.length === 0)
      throw new SendmailError("nobody is named in the header of the message", exitCodes.usage);
    return leave(leaving, facts, {
      ...{ purpose: "send", sender, body: collected.has8Bit ? "8bitmime" : "7bit" },
      isSmtpUtf8: [sender, ...recipients].some((address) => address !== null && isInternational(address)),
      recipients: recipients.map((address) => ({ address, notify: options.notify, orcpt: null })),
      ...{ ret: options.ret, envid: options.envid },
    });
  } catch (error) {
    leaving.abort();
    throw error;
  } finally {
    giveUp.callOff();
  }
}

/** Asks what would become of a message; the answer comes by mail. */
export function verify(options: Options, facts: SendmailFacts): string {
  const recipients = readRecipients(options.recipients);
  if (recipients.length === 0) throw new SendmailError("-bv needs addresses", exitCodes.usage);
  const sender = senderOf(options, facts);
  if (sender === null)
    throw new SendmailError("-bv answers by mail, and nobody gets none: give a sender", exitCodes.usage);
  return leave(begin(facts), facts, {
    ...{ purpose: "verify", sender, body: "7bit", ret: null, envid: null },
    isSmtpUtf8: recipients.some(isInternational),
    recipients: recipients.map((address) => ({ address, notify: [], orcpt: null })),
  });
}

const isInternational = (text: string): boolean => {
  const address = parsePath(`<${text}>`, { bare: true })?.address;
  return address !== null && address !== undefined && needsSmtpUtf8(address);
};

/** `null`: the null reverse-path. */
export function senderOf({ sender }: Pick<Options, "sender">, { origin }: SendmailFacts): string | null {
  const address = sender === null ? callerName() : readSender(sender);
  return address === null || address.includes("@") ? address : `${address}@${origin}`;
}

export function begin({ maildrop }: SendmailFacts): Leaving {
  try {
    return new Leaving(maildrop, process.getuid?.() ?? 0);
  } catch (cause) {
    throw cannotLeave(cause, maildrop);
  }
}

function leave(leaving: Leaving, { maildrop }: SendmailFacts, envelope: Parameters<Leaving["finish"]>[0]): string {
  try {
    return leaving.finish(envelope);
  } catch (cause) {
    throw cannotLeave(cause, maildrop);
  }
}

interface Collecting {
  readonly facts: SendmailFacts;
  readonly sender: string | null;
  readonly leaving: Leaving;
  readonly input: Readable;
}

interface Collected {
  readonly recipients: readonly string[];
  readonly has8Bit: boolean;
}

async function collect(options: Options, { facts, sender, leaving, input }: Collecting): Promise<Collected> {
  const { maildrop, messageSizeBytes } = facts;
  let recipients: readonly string[] = [];
  let has8Bit = false;
  const write = (piece: Buffer) => {
    if (leaving.sizeBytes + piece.length > messageSizeBytes)
      throw new SendmailError(`the message is larger than ${messageSizeBytes} octets`, exitCodes.unavailable);
    if (!has8Bit) has8Bit = isBeyondAscii(piece);
    try {
      leaving.write(piece);
    } catch (cause) {
      throw cannotLeave(cause, maildrop);
    }
  };
  const gate = new HeaderGate({
    limitBytes: HEADER_LIMIT_BYTES,
    tooLarge: () => new SendmailError("the header of the message is too large", exitCodes.dataError),
    onHeader: (header) => {
      const about = readHeaderFacts(header, options.readsRecipients);
      recipients = about.recipients;
      // The server adds what else is missing; only here is it known who calls.
      if (!about.hasFrom && sender !== null) {
        const name = options.fullName ?? callerFullName();
        write(Buffer.from(formatField(about.isResent ? "Resent-From" : "From", fromField(name, sender))));
      }
      write(header);
    },
    onBody: write,
  });
  const lines = new Input(options.dotEnds, (piece) => gate.take(piece));
  try {
    for await (const chunk of input) {
      lines.take(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      if (lines.hasEnded) break;
    }
  } catch (cause) {
    if (cause instanceof SendmailError) throw cause;
    // Half a message is none.
    throw new SendmailError(
      `the message cannot be read (${(cause as NodeJS.ErrnoException).code ?? cause})`,
      exitCodes.ioError,
      { cause },
    );
  }
  lines.end();
  gate.end();
  return { recipients, has8Bit };
}

function isBeyondAscii(piece: Buffer): boolean {
  for (let at = 0; at < piece.length; at += 1) if ((piece[at] as number) >= FIRST_NON_ASCII) return true;
  return false;
}

/** Whoever is told to end leaves nothing behind. */
function onSignal(leaving: Leaving): { readonly callOff: () => void } {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const end = () => {
    leaving.abort();
    process.exit(exitCodes.tempFail);
  };
  for (const signal of signals) process.once(signal, end);
  return {
    callOff() {
      for (const signal of signals) process.removeListener(signal, end);
    },
  };
}
