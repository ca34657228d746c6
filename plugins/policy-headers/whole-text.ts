/**
 * A message as one text of which every field and every line that is looked up is a part, letter by letter: so that tables can be
 * asked once whether any of them will have an answer.
 */
import { isAscii } from "node:buffer";
import type { Message } from "postern/plugin";

const LIMIT_BYTES = 64 * 1024;
/** Lines are looked up in pieces of 2,048 octets; one may be cut within a character, and is read in another way then. */
const LONG_LINE = /[^\n]{2000}/;

/** `null`: too large, not in memory, or not UTF-8. */
export function wholeText(message: Message, fieldBytes: number): string | null {
  if (message.sizeBytes > Math.min(LIMIT_BYTES, fieldBytes)) return null;
  const pieces = message.inMemory();
  if (pieces === null) return null;
  const bytes = Buffer.concat(pieces, message.sizeBytes);
  // Most mail; by far the quickest way to a text.
  if (isAscii(bytes)) return bytes.toString("latin1").replaceAll("\r\n", "\n");
  const text = bytes.toString("utf8");
  if (text.includes("\uFFFD") || LONG_LINE.test(text)) return null;
  return text.replaceAll("\r\n", "\n");
}
