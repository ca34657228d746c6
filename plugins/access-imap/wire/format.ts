/** Values as RFC 3501 9 writes them. Octet strings in, octet strings out. */

const maxQuotedLength = 1000;

/** A quoted string, or a literal where octets are in it that a quoted string must not have. */
export function formatString(value: string): string {
  // Nearly all of them: nothing but printable ASCII, and nothing to quote.
  if (/^[ !#-[\]-~]{0,200}$/.test(value)) return `"${value}"`;
  if (value.length <= maxQuotedLength && /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/.test(value)) {
    return /["\\]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : `"${value}"`;
  }
  // RFC 3501 9: CHAR8 is any octet but NUL. A header with NUL in it cannot be told otherwise.
  const octets = value.includes("\0") ? value.replaceAll("\0", "\x80") : value;
  return `{${octets.length}}\r\n${octets}`;
}

export const formatNstring = (value: string | null): string => (value === null ? "NIL" : formatString(value));

/** Bare where that is unambiguous. */
export const formatAstring = (value: string): string =>
  /^[!#$&'+-Z^-z|}~[\]]+$/.test(value) && value.toUpperCase() !== "NIL" ? value : formatString(value);

/** Text in UTF-8, where the client has enabled that (RFC 6855 3): quoted, or a literal where it holds what a quoted string must not. */
export function formatUtf8(text: string): string {
  if (/^[ -~]*$/.test(text)) return formatAstring(text);
  const octets = Buffer.from(text, "utf8").toString("latin1");
  if (octets.length > maxQuotedLength || /[\r\n\0]/.test(octets)) return formatString(octets);
  return `"${octets.replace(/["\\]/g, "\\$&")}"`;
}

/** Text for people in a response line: printable ASCII, bounded. */
export const formatText = (text: string): string => {
  const clean = text
    .replace(/[^ -~]+/g, " ")
    .trim()
    .slice(0, 400);
  // RFC 3501 7.1: a text that begins with a bracket would be read as a response code.
  return clean === "" ? "-" : clean.startsWith("[") ? `: ${clean}` : clean;
};
