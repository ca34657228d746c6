/** MAIL and RCPT with the parameters that the host understands. */
import type { Recipient } from "../contracts/envelope.ts";
import type { OutboundEnvelope } from "../contracts/outbound.ts";
import { needsSmtpUtf8 } from "../mail/address.ts";
import type { Features } from "./features.ts";
import { utf8Xtext, xtext } from "./xtext.ts";

export function mailCommand(envelope: OutboundEnvelope, asked: MailParameters, features: Features): string {
  const { sizeBytes, body, isSmtpUtf8 } = asked;
  let command = `MAIL FROM:<${envelope.reversePath ?? ""}>`;
  if (sizeBytes !== null && features.has("SIZE")) command += ` SIZE=${sizeBytes}`; // RFC 1870 3
  if (body === "8bitmime" && features.has("8BITMIME")) command += " BODY=8BITMIME"; // RFC 6152 3
  if (body === "binarymime") command += " BODY=BINARYMIME"; // RFC 3030 3
  if (isSmtpUtf8 && features.has("SMTPUTF8")) command += " SMTPUTF8"; // RFC 6531 3.4
  if (envelope.requiresTls && features.has("REQUIRETLS")) command += " REQUIRETLS"; // RFC 8689 2
  // RFC 3461 4.3, 4.4
  if (envelope.ret !== null && features.has("DSN")) command += ` RET=${envelope.ret.toUpperCase()}`;
  if (envelope.envid !== null && features.has("DSN")) command += ` ENVID=${xtext(envelope.envid)}`;
  return `${command}\r\n`;
}

export interface MailParameters {
  /** `null` where no message is to follow. */
  readonly sizeBytes: number | null;
  /** Of the content as it is sent. */
  readonly body: OutboundEnvelope["body"];
  readonly isSmtpUtf8: boolean;
}

/** RFC 3461 4.1, 4.2 */
export function rcptCommand({ address, notify, orcpt }: Recipient, features: Features): string {
  let command = `RCPT TO:<${address}>`;
  if (features.has("DSN")) {
    if (notify.size > 0) command += ` NOTIFY=${[...notify].join(",").toUpperCase()}`;
    if (orcpt !== null) {
      const isUtf8 = orcpt.type.toLowerCase() === "utf-8"; // RFC 6533 3
      command += ` ORCPT=${orcpt.type};${isUtf8 ? utf8Xtext(orcpt.address) : xtext(orcpt.address)}`;
    }
  }
  return `${command}\r\n`;
}

/** RFC 6531 3.4: a message is international by its own nature, or because an address is. */
export const isInternational = ({ isSmtpUtf8, reversePath }: OutboundEnvelope): boolean =>
  isSmtpUtf8 || (reversePath !== null && needsSmtpUtf8(reversePath));
