/** How octet strings of messages are told: as each client understands them. */
import { formatString } from "../wire/format.ts";

/** A quoted string or a literal. */
export type Strings = (octets: string) => string;

const maxQuotedLength = 1000;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** RFC 6855 3, RFC 9051 4.3: quoted strings may be UTF-8; what is not goes as a literal, as it does to all others. */
const utf8Strings: Strings = (octets) => {
  if (octets.length > maxQuotedLength || !/[\x80-\xff]/.test(octets) || /[\0\r\n]/.test(octets) || !isUtf8(octets))
    return formatString(octets);
  return `"${octets.replace(/["\\]/g, "\\$&")}"`;
};

export const stringsFor = ({ isUtf8: isAccepted }: { readonly isUtf8: boolean }): Strings =>
  isAccepted ? utf8Strings : formatString;

function isUtf8(octets: string): boolean {
  try {
    decoder.decode(Buffer.from(octets, "latin1"));
    return true;
  } catch (fault) {
    if (!(fault instanceof TypeError)) throw fault;
    return false;
  }
}

/** Text, which always is UTF-8 on the wire (RFC 8970 4.2). */
export const formatText = (text: string, strings: Strings): string =>
  strings(/^[\x01-\x7f]*$/.test(text) ? text : Buffer.from(text, "utf8").toString("latin1"));
