/** Octets to text in the charset that a message names. Never throws: what cannot be decoded becomes U+FFFD, or latin-1. */

/** Names that mail uses and the WHATWG list lacks. */
const aliases = new Map([
  ["cp932", "shift_jis"],
  ["cp936", "gbk"],
  ["cp949", "euc-kr"],
  ["cp950", "big5"],
  ["utf8", "utf-8"],
  ["utf-7", "utf-8"],
  ["ansi_x3.4-1968", "us-ascii"],
  ["iso-8859-8-i", "iso-8859-8"],
]);

export interface TextPieces {
  decode(octets?: Uint8Array, options?: { readonly stream?: boolean }): string;
}

/** One decoder for one text, that may come in pieces. */
export function textDecoder(charset: string | null): TextPieces {
  const label = (charset ?? "").toLowerCase().replace(/\*.*$/, "").trim();
  const name = aliases.get(label) ?? label;
  if (name === "" || name === "us-ascii" || name === "unknown-8bit") return new TextDecoder("utf-8");
  try {
    const decoder = new TextDecoder(name);
    // Node 20 decodes windows-1252 as latin-1; the WHATWG list gives that decoder to latin-1 and ASCII too.
    return decoder.encoding === "windows-1252" ? windows1252 : decoder;
  } catch (fault) {
    if (fault instanceof RangeError) return windows1252; // a charset that nobody here knows
    throw fault;
  }
}

/** 0x80 to 0x9f */
const windows1252Specials = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
const windows1252: TextPieces = {
  decode(octets) {
    if (!octets) return "";
    const latin1 = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
    return latin1.replace(/[\x80-\x9f]/g, (char) => windows1252Specials.charAt(char.charCodeAt(0) - 0x80));
  },
};

export function decodeText(octets: Uint8Array, charset: string | null): string {
  return textDecoder(charset).decode(octets);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** An octet string that should have been ASCII: UTF-8 if it is that (RFC 6532), else latin-1 as it stands. */
export function decodeRaw(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  try {
    return utf8.decode(Buffer.from(octets, "latin1"));
  } catch (fault) {
    if (fault instanceof TypeError) return octets; // not UTF-8
    throw fault;
  }
}
