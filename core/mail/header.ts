/**
 * Header fields as bytes (RFC 5322 2.2): where each one stands, what it says, and how a new one is written.
 * Never throws on what came over the wire: a line that is no field belongs to the field before it, or to none. Values
 * that are written are made safe: no control characters, so nobody can smuggle a field into another one's value.
 */

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

/** One field of a header block; offsets into that block. */
export interface HeaderField {
  /** As written. */
  readonly name: string;
  readonly start: number;
  /** First byte behind the colon. */
  readonly valueStart: number;
  /** Behind the line end of its last line. */
  readonly end: number;
}

/** Where the body begins: behind the first empty line. `-1` if there is none. Takes CRLF and bare LF. */
export function headerEnd(bytes: Uint8Array): number {
  let lineStart = 0;
  for (;;) {
    const lf = bytes.indexOf(LF, lineStart);
    if (lf === -1) return -1;
    if (lf === lineStart || (lf === lineStart + 1 && bytes[lineStart] === CR)) return lf + 1;
    lineStart = lf + 1;
  }
}

// RFC 5322 2.2: printable US-ASCII except the colon. Lenient: spaces before the colon (RFC 5322 4.5) are no part of the name.
function nameEnd(block: Uint8Array, start: number, end: number): { name: number; colon: number } | null {
  let at = start;
  while (at < end) {
    const byte = block[at] ?? 0;
    if (byte <= SPACE || byte >= 127 || byte === COLON) break;
    at += 1;
  }
  const name = at;
  while (at < end && (block[at] === SPACE || block[at] === TAB)) at += 1;
  return name > start && block[at] === COLON ? { name, colon: at } : null;
}

type OpenField = Omit<HeaderField, "end">;

const fieldEndingAt = ({ name, start, valueStart }: OpenField, end: number): HeaderField => ({
  name,
  start,
  valueStart,
  end,
});

/** All fields up to the empty line, in order. */
export function parseHeader(block: Uint8Array): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  let open: OpenField | null = null;
  let at = 0;
  while (at < block.length) {
    const lf = block.indexOf(LF, at);
    const next = lf === -1 ? block.length : lf + 1;
    const first = block[at];
    if (first === LF || (first === CR && lf === at + 1)) break;
    const colon = first === SPACE || first === TAB ? null : nameEnd(block, at, next);
    if (colon) {
      if (open) fields.push(fieldEndingAt(open, at));
      open = { name: ascii(block, at, colon.name), start: at, valueStart: colon.colon + 1 };
    }
    at = next;
  }
  if (open) fields.push(fieldEndingAt(open, at));
  return fields;
}

/** The field's value, unfolded (RFC 5322 2.2.3) and without white space around it. UTF-8 where it is that, else Latin-1. */
export function fieldValue(block: Uint8Array, field: HeaderField): string {
  const bytes = Buffer.from(block.buffer, block.byteOffset + field.valueStart, field.end - field.valueStart);
  const text = bytes.toString("utf8");
  const decoded = text.includes("\uFFFD") && !bytes.includes("\uFFFD", 0, "utf8") ? bytes.toString("latin1") : text;
  return decoded.replace(/\r?\n(?=[ \t])/g, "").replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}

/**
 * A block with new values in the fields of these names (lower case), each as octets (latin1) from behind the colon to before the
 * line end. What `edit` leaves alone stays octet by octet; the same block if it leaves all alone.
 */
export function editFields(
  block: Uint8Array,
  names: ReadonlySet<string>,
  edit: (value: string, name: string) => string,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let written = 0;
  for (const { name, valueStart, end } of parseHeader(block)) {
    const key = name.toLowerCase();
    if (!names.has(key)) continue;
    const valueEnd = end - (block[end - 1] === LF ? (block[end - 2] === CR ? 2 : 1) : 0);
    const value = Buffer.from(block.buffer, block.byteOffset + valueStart, valueEnd - valueStart).toString("latin1");
    const edited = edit(value, key);
    if (edited === value) continue;
    pieces.push(block.subarray(written, valueStart), Buffer.from(edited, "latin1"));
    written = valueEnd;
  }
  return written === 0 ? block : Buffer.concat([...pieces, block.subarray(written)]);
}

/** Looks values up by name, without case; parses at the first question. */
export function createHeaders(block: Uint8Array): {
  get(name: string): string | undefined;
  all(name: string): readonly string[];
} {
  let byName: Map<string, HeaderField[]> | null = null;
  const index = () => {
    if (byName) return byName;
    byName = new Map();
    for (const field of parseHeader(block)) {
      const key = field.name.toLowerCase();
      const known = byName.get(key);
      if (known) known.push(field);
      else byName.set(key, [field]);
    }
    return byName;
  };
  return {
    get(name) {
      const first = index().get(name.toLowerCase())?.[0];
      return first && fieldValue(block, first);
    },
    all: (name) => (index().get(name.toLowerCase()) ?? []).map((field) => fieldValue(block, field)),
  };
}

/** Without control characters: those, and line and paragraph separators, become spaces. */
export const safeText = (value: string): string => value.replace(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, " ");

/** Whether a string can be a field name (RFC 5322 2.2). */
export const isFieldName = (name: string): boolean => /^[!-9;-~]{1,76}$/.test(name);

// RFC 5322 2.1.1: a line should be no longer than 78 characters.
const LINE_CHARACTERS = 78;

/**
 * A whole field with its line end. A value that brings its own folding (CRLF and white space) keeps it byte by byte, as a
 * signature must; any other one is folded at white space. Throws a RangeError for a name that is none.
 */
export function formatField(name: string, value: string): string {
  if (!isFieldName(name)) throw new RangeError("not a header field name");
  const lines = value.split(/\r\n(?=[ \t])/).map(safeText);
  if (lines.length > 1) {
    // RFC 5322 2.2.3: no line of a folded field may consist of white space alone.
    const kept = lines.filter((line, index) => index === 0 || line.trim() !== "");
    return `${name}: ${kept.join("\r\n").trim()}\r\n`;
  }
  const text = `${name}: ${(lines[0] ?? "").trim()}`;
  return text.length <= LINE_CHARACTERS ? `${text}\r\n` : `${fold(text, name.length + 2)}\r\n`;
}

// Breaks before white space, never inside a word, and never so that the first line holds the name alone.
function fold(text: string, earliest: number): string {
  const lines: string[] = [];
  let rest = text;
  let from = earliest + 1;
  while (rest.length > LINE_CHARACTERS) {
    let at = rest.lastIndexOf(" ", LINE_CHARACTERS);
    if (at < from) at = rest.indexOf(" ", Math.max(from, LINE_CHARACTERS));
    if (at === -1 || rest.slice(at).trim() === "") break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at);
    from = 1;
    while (rest[from] === " ") from += 1;
  }
  lines.push(rest);
  return lines.join("\r\n");
}

/** `formatField` as bytes. */
export const buildField = (name: string, value: string): Buffer => Buffer.from(formatField(name, value));

/**
 * Address specs of an address list (RFC 5322 3.4), raw: display names, comments and group names are passed over. Enough to
 * tell whom a message names; what it cannot read it leaves out.
 */
export function addressSpecs(value: string): readonly string[] {
  const specs: string[] = [];
  for (const part of splitMailboxes(value)) {
    const angle = /<([^<>]*)>[^<>]*$/.exec(part);
    const spec = (angle?.[1] ?? part).trim().replace(/^@[^:]*:/, "");
    if (/@[^@\s]+$/.test(spec)) specs.push(spec);
  }
  return specs;
}

// Splits at commas, semicolons and group colons outside quotes, comments and angle brackets; drops comments.
function splitMailboxes(value: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  let isQuoted = false;
  let isAngled = false;
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at] ?? "";
    if (char === "\\" && (isQuoted || depth > 0)) {
      if (depth === 0) part += char + (value[at + 1] ?? "");
      at += 1;
    } else if (depth > 0) depth += char === "(" ? 1 : char === ")" ? -1 : 0;
    else if (isQuoted) {
      part += char;
      isQuoted = char !== '"';
    } else if (char === "(") depth = 1;
    else if (!isAngled && (char === "," || char === ";" || char === ":")) {
      if (char !== ":") parts.push(part);
      part = "";
    } else {
      part += char;
      if (char === '"') isQuoted = true;
      else if (char === "<") isAngled = true;
      else if (char === ">") isAngled = false;
    }
  }
  parts.push(part);
  return parts;
}

const ascii = (bytes: Uint8Array, start: number, end: number): string => {
  let text = "";
  for (let at = start; at < end; at += 1) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
};
