/**
 * Content-transfer-encodings (RFC 2045 6) undone piece by piece, for searching and previews. Damaged input gives what can
 * be had of it; an unknown encoding passes as it is (RFC 2045 6.4 calls its content opaque). Never throws.
 */

export interface TransferDecoder {
  write(piece: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

const nothing = new Uint8Array(0);
const identity: TransferDecoder = { write: (piece) => piece, end: () => nothing };

/** RFC 2045 6.1; `encoding` in lower case. */
export const isTransferEncoding = (encoding: string): boolean =>
  ["7bit", "8bit", "binary", "quoted-printable", "base64"].includes(encoding);

/** `encoding` in lower case. */
export function transferDecoder(encoding: string): TransferDecoder {
  if (encoding === "base64") return new Base64Decoder();
  if (encoding === "quoted-printable") return new QuotedPrintableDecoder();
  return identity;
}

export function decodeTransferEncoding(octets: Uint8Array, encoding: string): Uint8Array {
  const decoder = transferDecoder(encoding);
  const head = decoder.write(octets);
  const tail = decoder.end();
  return tail.length === 0 ? head : Buffer.concat([head, tail]);
}

class Base64Decoder implements TransferDecoder {
  #rest = "";

  write(piece: Uint8Array): Uint8Array {
    // RFC 2045 6.8: characters outside the alphabet are passed over.
    const text =
      this.#rest +
      Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
        .toString("latin1")
        .replace(/[^A-Za-z0-9+/=]+/g, "");
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    const head = text.slice(0, whole);
    if (!head.includes("=") || head.indexOf("=") >= head.length - 2) return Buffer.from(head, "base64");
    // Padding in the middle: encoded pieces that somebody put one after the other.
    return Buffer.concat((head.match(/[^=]+=*/g) ?? []).map((part) => Buffer.from(part, "base64")));
  }

  end(): Uint8Array {
    const rest = Buffer.from(this.#rest, "base64");
    this.#rest = "";
    return rest;
  }
}

/** RFC 2045 6.7 */
class QuotedPrintableDecoder implements TransferDecoder {
  #rest = "";

  write(piece: Uint8Array): Uint8Array {
    const text = this.#rest + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString("latin1");
    // What may go on in the next piece waits: `=`, `=X`, `= blanks`. No line has more than 76 characters.
    const mark = text.lastIndexOf("=");
    const isOpen = mark !== -1 && text.length - mark <= 76 && /^=(?:[0-9A-Fa-f]?|[ \t]*\r?)$/.test(text.slice(mark));
    this.#rest = isOpen ? text.slice(mark) : "";
    return decodeQuoted(isOpen ? text.slice(0, mark) : text);
  }

  end(): Uint8Array {
    const rest = decodeQuoted(this.#rest.replace(/^=[ \t]*\r?$/, ""));
    this.#rest = "";
    return rest;
  }
}

function decodeQuoted(text: string): Uint8Array {
  return Buffer.from(
    text.replace(/=(?:([0-9A-Fa-f]{2})|[ \t]{0,76}\r?\n)/g, (_, hex: string | undefined) =>
      hex === undefined ? "" : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    "latin1",
  );
}
