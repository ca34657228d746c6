/**
 * RFC 2047: encoded words in header values. `decodeEncodedWords` turns an octet string into text; what is no well-formed
 * encoded word stays as it is. Never throws.
 */
import { decodeRaw, decodeText } from "./charset.ts";

// RFC 2047 2; RFC 2231 5 adds `*language`. Lenient: blanks inside a Q word, which some programs write.
const encodedWord = /=\?([^?\s]{1,64})\?([BbQq])\?([^?]*)\?=/g;

export function decodeEncodedWords(value: string): string {
  if (!value.includes("=?")) return decodeRaw(value);
  let text = "";
  let at = 0;
  let pending: { charset: string; octets: Buffer[] } | null = null;
  const flush = () => {
    // Neighbours of one charset are decoded together: a character may be split between them, though RFC 2047 5 forbids it.
    if (pending) text += decodeText(Buffer.concat(pending.octets), pending.charset);
    pending = null;
  };
  for (const match of value.matchAll(encodedWord)) {
    const [whole, charset = "", encoding = "", content = ""] = match;
    const between = value.slice(at, match.index);
    // RFC 2047 6.2: blanks between two encoded words are not shown.
    if (pending === null || !/^\s*$/.test(between)) {
      flush();
      text += decodeRaw(between);
    }
    at = match.index + whole.length;
    const octets = encoding.toUpperCase() === "B" ? Buffer.from(content, "base64") : decodeQ(content);
    const name = charset.toLowerCase();
    if (pending !== null && (pending as { charset: string }).charset !== name) flush();
    pending ??= { charset: name, octets: [] };
    pending.octets.push(octets);
  }
  flush();
  return text + decodeRaw(value.slice(at));
}

/** RFC 2047 4.2 */
function decodeQ(content: string): Buffer {
  const octets = content
    .replaceAll("_", " ")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, "latin1");
}
