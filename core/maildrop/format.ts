/**
 * A message that a local program has left, as one file: a line that says what it is, the message, its envelope as JSON, and a line of
 * fixed length that says how long the JSON is. The envelope stands last, because a message is known only when all of it has come.
 * Whoever reads such a file believes nothing in it: anybody may write one.
 */
import type { BodyKind, Notify } from "../contracts/envelope.ts";

export interface LeftRecipient {
  /** As the program named it; a bare local part is one of this server's. */
  readonly address: string;
  readonly notify: readonly Notify[];
  /** RFC 3461 4.2, decoded from xtext. */
  readonly orcpt: { readonly type: string; readonly address: string } | null;
}

export interface LeftEnvelope {
  /** `verify`: nothing is sent, the sender is told what would become of it. */
  readonly purpose: "send" | "verify";
  /** `null`: the null reverse-path. */
  readonly sender: string | null;
  readonly recipients: readonly LeftRecipient[];
  readonly body: BodyKind;
  readonly isSmtpUtf8: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  /** Of the message. */
  readonly sizeBytes: number;
}

/** The number is the format's version: another one is set aside, not guessed at. */
export const HEAD: Buffer = Buffer.from("postern-maildrop 1\n");
const END_WORD = "postern-end ";
const END_DIGITS = 10;
/** The last line, which says how many octets the envelope before it has. */
export const END_BYTES = END_WORD.length + END_DIGITS + 1;
/** Room for more recipients than the queue takes. */
export const ENVELOPE_LIMIT_BYTES: number = 8 * 1024 * 1024;

/** All that follows the message. */
export function encodeEnvelope(envelope: LeftEnvelope): Buffer {
  const json = Buffer.from(`${JSON.stringify(envelope)}\n`);
  return Buffer.concat([json, Buffer.from(`${END_WORD}${String(json.length).padStart(END_DIGITS, "0")}\n`)]);
}

/** How long the envelope before this last line is; `null` for a line that says nothing such. */
export function envelopeBytes(end: Buffer): number | null {
  const digits = new RegExp(`^${END_WORD}(\\d{${END_DIGITS}})\n$`).exec(end.toString("latin1"))?.[1];
  return digits === undefined || Number(digits) > ENVELOPE_LIMIT_BYTES ? null : Number(digits);
}
