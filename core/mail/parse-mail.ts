/**
 * The readable inside of a message, for plugins that look at content: decoded headers, text, HTML, attachments. mailparser
 * does the work; it is loaded at the first call, because nothing on the way of a message needs it.
 */
import type { Readable } from "node:stream";
import type { ParsedMail } from "mailparser";

export type { ParsedMail } from "mailparser";

export interface ParseMailOptions {
  /** A larger message is not parsed, because attachments are held in memory. Default: 10 MiB. */
  readonly limitBytes?: number;
}

const DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024;

/** Rejects with a RangeError (`code: "MAIL_TOO_LARGE"`) beyond the limit; broken MIME gives what could be read of it. */
export async function parseMail(
  message: { readonly sizeBytes: number; content(): Readable },
  { limitBytes = DEFAULT_LIMIT_BYTES }: ParseMailOptions = {},
): Promise<ParsedMail> {
  if (message.sizeBytes > limitBytes) {
    throw Object.assign(new RangeError(`message of ${message.sizeBytes} octets, parsed up to ${limitBytes}`), {
      code: "MAIL_TOO_LARGE",
    });
  }
  const { simpleParser } = await import("mailparser");
  return simpleParser(message.content(), { skipImageLinks: true });
}
