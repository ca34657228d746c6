/** Logins and passwords as they come from a client. */

const LIMIT_BYTES = 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;

/**
 * The text of a login or a password; `null` if it is none. Of SASLprep (RFC 4013) only the prohibitions that do harm are
 * held: control characters (2.3). Nothing is mapped or normalised, as stored hashes were made of what users typed.
 */
export function credentialText(bytes: Uint8Array): string | null {
  if (bytes.length > LIMIT_BYTES) return null;
  const text = decodeUtf8(bytes);
  return text === null ? null : checkedText(text);
}

export const checkedText = (text: string): string | null =>
  text.length > LIMIT_BYTES || CONTROL.test(text) ? null : text;

export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null; // not UTF-8
  }
}
