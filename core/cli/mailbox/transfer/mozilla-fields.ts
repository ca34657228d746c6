/** Fields in which Thunderbird keeps flags in its mbox files. They stand beside those that all mbox programs have, and go when mail is brought. */
import { isKeyword } from "../../../mailbox-files/mbox/flags.ts";

const FIELD = /(?<=^|\n)X-Mozilla-(Status2?|Keys):([^\n]*\n(?:[ \t][^\n]*\n)*)/gi;
const CRLF = Buffer.from("\r\n");
const BITS: readonly (readonly [number, string])[] = [
  [1, "\\Seen"],
  [2, "\\Answered"],
  [4, "\\Flagged"],
  [8, "\\Deleted"],
];

/** Takes and gives lines that end in CRLF. */
export function withoutMozilla(content: Buffer): { readonly content: Buffer; readonly flags: readonly string[] } {
  const end = content.indexOf("\r\n\r\n");
  const hasHeader = !content.subarray(0, 2).equals(CRLF);
  const header = hasHeader ? content.toString("latin1", 0, end < 0 ? content.length : end + 2) : "";
  const flags: string[] = [];
  const kept = header.replace(FIELD, (_, name: string, value: string) => {
    flags.push(
      ...(/^Keys$/i.test(name) ? value.split(/[\s,]+/).filter(isKeyword) : /^Status$/i.test(name) ? bitsOf(value) : []),
    );
    return "";
  });
  if (kept.length === header.length) return { content, flags };
  return { content: Buffer.concat([Buffer.from(kept, "latin1"), content.subarray(header.length)]), flags };
}

function bitsOf(value: string): readonly string[] {
  const bits = Number.parseInt(value, 16);
  return BITS.flatMap(([bit, flag]) => (bits & bit ? [flag] : []));
}
