/** The header fields that structures and envelopes are made of, told from all others without making strings of them. */

/** In lower case. */
export type KnownField = (typeof names)[number];

const names = [
  "date",
  "subject",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "in-reply-to",
  "message-id",
  "references",
  "content-type",
  "content-transfer-encoding",
  "content-id",
  "content-description",
  "content-md5",
  "content-disposition",
  "content-language",
  "content-location",
] as const;

const colon = 58;
const space = 32;
const tab = 9;
const firstLetter = 0x40;
const toLowerCase = 0x20;

const byLength: { readonly name: KnownField; readonly octets: Buffer }[][] = [];
for (const name of names) {
  byLength[name.length] ??= [];
  byLength[name.length]?.push({ name, octets: Buffer.from(name) });
}
const longest = byLength.length - 1;

export const isContentField = (name: KnownField): boolean => name.startsWith("content-");

interface FieldStart {
  readonly name: KnownField;
  /** First octet of its value that is no blank. */
  readonly valueStart: number;
}

/** The field that begins with the line from `from` to `to`; `null` for all that is of no interest. */
export function fieldStart(bytes: Uint8Array, from: number, to: number): FieldStart | null {
  const last = Math.min(to, from + longest);
  let end = from;
  while (end < last && bytes[end] !== colon && bytes[end] !== space && bytes[end] !== tab) end++;
  const known = byLength[end - from];
  if (!known) return null;
  // Lenient: RFC 5322 4.5 (obs-optional) lets blanks stand before the colon.
  const mark = blanksEnd(bytes, end, to);
  if (mark >= to || bytes[mark] !== colon) return null;
  for (const { name, octets } of known) {
    if (isNameAt(bytes, from, octets)) return { name, valueStart: blanksEnd(bytes, mark + 1, to) };
  }
  return null;
}

function blanksEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === space || bytes[at] === tab)) at++;
  return at;
}

function isNameAt(bytes: Uint8Array, from: number, name: Buffer): boolean {
  for (let at = 0; at < name.length; at++) {
    const octet = bytes[from + at] ?? 0;
    // Letters may be capitals; a hyphen and digits are what they are.
    if ((octet >= firstLetter ? octet | toLowerCase : octet) !== name[at]) return false;
  }
  return true;
}
