/** Encoded values of the DSN extension: xtext (RFC 3461 4) and the forms of utf-8 addresses (RFC 6533 3). `null`: not that. */

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
const UTF8_ADDRESS = /^(?:[!-*,-<>-[\]-~\u0080-\u{10ffff}]|\+[0-9A-F]{2}|\\x\{[0-9A-F]{2,6}\})+$/u;
const NON_ASCII = /[^\u0000-\u007f]/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Decoded; a value that hides control characters is none. */
export function decodeXtext(raw: string): string | null {
  if (!XTEXT.test(raw)) return null;
  const text = unhex(raw);
  if (!NON_ASCII.test(text)) return CONTROL.test(text) ? null : text;
  // Octets beyond ASCII are UTF-8, or nobody knows what they are: what we pass on must be what we got.
  const utf8 = Buffer.from(text, "latin1").toString("utf8");
  return utf8.includes("\ufffd") || CONTROL.test(utf8) ? null : utf8;
}

const unhex = (raw: string): string =>
  raw.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** RFC 6533 3: utf-8-addr-xtext or utf-8-addr-unitext, with `\x{...}` for what xtext cannot carry. */
export function decodeUtf8Address(raw: string): string | null {
  if (!UTF8_ADDRESS.test(raw)) return null;
  let isGood = true;
  const text = unhex(raw).replace(/\\x\{([0-9A-F]{2,6})\}/g, (_, hex: string) => {
    const point = Number.parseInt(hex, 16);
    const isScalar = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    isGood &&= isScalar;
    return isScalar ? String.fromCodePoint(point) : "";
  });
  return isGood && !CONTROL.test(text) ? text : null;
}
