/**
 * The preview of a message (RFC 8970): the first words that people would read. Made of the first part that is text and no attachment, plain
 * text before HTML; quotations are passed over where there is anything else. Bounded whatever the message holds; never throws.
 */
import { textOfHtml, withoutReferences } from "./html-text.ts";
import { decodeText } from "./structure/charset.ts";
import { parameter } from "./structure/field-value.ts";
import type { Structure } from "./structure/structure.ts";
import { decodeTransferEncoding } from "./structure/transfer-encoding.ts";

/** RFC 8970 3: 200 characters. */
const previewLength = 200;
/** Octets of the part that are looked at; HTML has a lot in front of its words. */
const plainBytes = 8 * 1024;
const htmlBytes = 64 * 1024;
const maxDepth = 20;
/** Lines of a text that are looked at. */
const maxLines = 400;
/** Text of HTML that is enough, as a rule; all of it is looked at where it is not. */
const enoughText = 2_000;
/** Controls, line and paragraph separators, marks that turn the direction of text, what has no width, the byte order mark. */
const unshown = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u;

/** The part that the preview is made of; `null` if there is none. */
export function previewPart(structure: Structure, depth = 0): Structure | null {
  if (depth > maxDepth || structure.disposition?.type.toLowerCase() === "attachment") return null;
  if (structure.message) return previewPart(structure.message, depth + 1);
  if (structure.type === "text") return isReadable(structure.subtype) ? structure : null;
  if (structure.type !== "multipart") return null;
  let second: Structure | null = null;
  for (const child of structure.children) {
    const found = previewPart(child, depth + 1);
    if (found === null) continue;
    // RFC 2046 5.1.4: the plainest comes first, as a rule.
    if (structure.subtype !== "alternative" || found.subtype === "plain") return found;
    second ??= found;
  }
  return second;
}

const isReadable = (subtype: string): boolean => subtype === "plain" || subtype === "html" || subtype === "enriched";

/** Octets behind this one do not matter to the preview. */
export const previewEnd = (part: Structure): number =>
  part.body.start + Math.min(part.body.length, part.subtype === "html" ? htmlBytes : plainBytes);

/** `octets` of the body of `part`, or its beginning. */
export function previewOf(part: Structure, octets: Uint8Array): string {
  const limit = part.subtype === "html" ? htmlBytes : plainBytes;
  const decoded = decodeTransferEncoding(octets.subarray(0, limit), part.encoding);
  const text = decodeText(decoded, parameter(part.parameters, "charset"));
  if (part.subtype === "plain") {
    const own = new Line();
    for (const line of ownLines(text)) if (!own.add(line)) break;
    return own.text || lineOf(text);
  }
  const first = textOfHtml(text, enoughText);
  const line = lineOf(withoutReferences(first));
  return first.length < enoughText || [...line].length === previewLength
    ? line
    : lineOf(withoutReferences(textOfHtml(text)));
}

/** Lines that begin with `>`, and what announces them, say what others wrote. Nothing behind `-- ` is read (RFC 3676 4.3). */
function* ownLines(text: string): Generator<string> {
  let at = 0;
  for (let count = 0; count < maxLines && at < text.length; count++) {
    const { line, next } = lineAt(text, at);
    if (line === "-- ") return;
    at = next;
    if (!line.startsWith(">") && !(line.trimEnd().endsWith(":") && isQuotedAt(text, next))) yield line;
  }
}

/** An empty line may stand between. */
function isQuotedAt(text: string, at: number): boolean {
  const { line, next } = lineAt(text, at);
  return (line.trim() === "" ? lineAt(text, next).line : line).startsWith(">");
}

function lineAt(text: string, at: number): { readonly line: string; readonly next: number } {
  const lf = text.indexOf("\n", at);
  if (lf === -1) return { line: text.slice(at), next: text.length };
  return { line: text.slice(at, text[lf - 1] === "\r" && lf > at ? lf - 1 : lf), next: lf + 1 };
}

function lineOf(text: string): string {
  const line = new Line();
  line.add(text);
  return line.text;
}

/** The one line that is shown: blanks of any kind are one, what is not shown is left out, and it ends when it is long enough. */
class Line {
  text = "";
  #length = 0;
  #isBlank = false;

  /** Adds a line of the message; answers whether there is room for more. */
  add(line: string): boolean {
    for (const char of line) {
      const code = char.codePointAt(0) ?? 0;
      if (code === 32 || (code >= 9 && code <= 13)) this.#isBlank = true;
      else if (code > 32 && code < 127) this.#show(char);
      else if (/\s/.test(char)) this.#isBlank = true;
      else if (!unshown.test(char)) this.#show(char);
      if (this.#length >= previewLength) return false;
    }
    this.#isBlank = true;
    return true;
  }

  #show(char: string): void {
    if (this.#isBlank && this.text !== "" && ++this.#length < previewLength) this.text += " ";
    this.#isBlank = false;
    if (this.#length >= previewLength) return;
    this.text += char;
    this.#length++;
  }
}
