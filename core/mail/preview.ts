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
/** Controls, line and paragraph separators, marks that turn the direction of text, what has no width, the byte order mark. */
const unshown = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+/gu;

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
  if (part.subtype !== "plain") return cut(withoutReferences(textOfHtml(text)));
  return cut(withoutQuotations(text)) || cut(text);
}

/** Lines that begin with `>`, and what announces them, say what others wrote. Nothing behind `-- ` is read (RFC 3676 4.3). */
function withoutQuotations(text: string): string {
  const lines = text.split(/\r?\n/, 400);
  const signature = lines.indexOf("-- ");
  const own = (signature === -1 ? lines : lines.slice(0, signature)).filter((line, index, all) => {
    if (line.startsWith(">")) return false;
    return !(line.trimEnd().endsWith(":") && nextFilled(all, index).startsWith(">"));
  });
  return own.join("\n");
}

function nextFilled(lines: readonly string[], index: number): string {
  const next = lines[index + 1] ?? "";
  return next.trim() === "" ? (lines[index + 2] ?? "") : next;
}

function cut(text: string): string {
  const line = text.slice(0, htmlBytes).replace(/\s+/g, " ").replace(unshown, "").replace(/ {2,}/g, " ").trim();
  if (line.length <= previewLength) return line;
  const characters = [...line.slice(0, 2 * previewLength)];
  return characters.slice(0, previewLength).join("").trimEnd();
}
