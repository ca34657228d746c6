/** Parameters of MAIL and RCPT for what the other side supports. */
import { needsSmtpUtf8 } from "postern/mail";
import type { Envelope, Recipient } from "postern/plugin";

type Supports = (extension: string) => boolean;

export function mailParameters(envelope: Envelope, sizeBytes: number, supports: Supports): string {
  const parameters: string[] = [];
  if (supports("SIZE")) parameters.push(`SIZE=${sizeBytes}`); // RFC 1870 3
  if (envelope.body === "8bitmime" && supports("8BITMIME")) parameters.push("BODY=8BITMIME"); // RFC 6152 3
  if (needsChunks(envelope)) parameters.push("BODY=BINARYMIME"); // RFC 3030 3
  if (asksForSmtpUtf8(envelope) && supports("SMTPUTF8")) parameters.push("SMTPUTF8"); // RFC 6531 3.4
  if (envelope.requiresTls && supports("REQUIRETLS")) parameters.push("REQUIRETLS"); // RFC 8689 2
  // RFC 3461 4.3, 4.4
  if (envelope.ret && supports("DSN")) parameters.push(`RET=${envelope.ret.toUpperCase()}`);
  if (envelope.envid && supports("DSN")) parameters.push(`ENVID=${xtext(envelope.envid)}`);
  return parameters.map((parameter) => ` ${parameter}`).join("");
}

/** RFC 3030 3: binary content goes by BDAT, to those who take it, or not at all. */
export const needsChunks = ({ body }: Envelope): boolean => body === "binarymime";

/** RFC 3461 4.1, 4.2 */
export function recipientParameters(recipient: Recipient, supports: Supports): string {
  if (!supports("DSN")) return "";
  const notify = recipient.notify.size > 0 ? ` NOTIFY=${[...recipient.notify].join(",").toUpperCase()}` : "";
  if (recipient.orcpt === null) return notify;
  const { type, address } = recipient.orcpt;
  return `${notify} ORCPT=${type};${type.toLowerCase() === "utf-8" ? utf8Xtext(address) : xtext(address)}`;
}

const asksForSmtpUtf8 = (envelope: Envelope): boolean =>
  envelope.isSmtpUtf8 ||
  (envelope.reversePath !== null && needsSmtpUtf8(envelope.reversePath)) ||
  envelope.recipients.some(({ address }) => needsSmtpUtf8(address));

/** RFC 6533 3, utf-8-addr-xtext: the form that every server of DSN can carry. */
export const utf8Xtext = (raw: string): string =>
  [...raw]
    .map((char) =>
      /^[!-*,-<>-[\]-~]$/.test(char)
        ? char
        : `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}}`,
    )
    .join("");

/** RFC 3461 4: printable ASCII without "+" and "=" stands for itself. */
export const xtext = (raw: string): string =>
  [...Buffer.from(raw, "utf8")]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x2b && byte !== 0x3d
        ? String.fromCharCode(byte)
        : `+${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
