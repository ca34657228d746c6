/**
 * Walks over the fields of a header block without copying it. Offsets are into the block. A block without its closing
 * empty line, or with lines that are no fields, is walked to its end; nothing throws.
 */

const lineFeed = 10;
const carriageReturn = 13;
const colon = 58;
const space = 32;
const tab = 9;

export interface HeaderField {
  /** As written, an octet string; empty for a line that is no field. */
  readonly name: string;
  /** Of the whole field with its line ends. */
  readonly start: number;
  readonly end: number;
  /** First octet behind the colon. */
  readonly valueStart: number;
}

/** Length of the header block at the start of `source`, with its closing empty line; all of it if there is none. */
export function headerLength(source: Uint8Array): number {
  let at = 0;
  while (at < source.length) {
    const lf = source.indexOf(lineFeed, at);
    if (lf === -1) return source.length;
    if (lf === at || (lf === at + 1 && source[at] === carriageReturn)) return lf + 1;
    at = lf + 1;
  }
  return source.length;
}

export function* headerFields(header: Uint8Array): Generator<HeaderField> {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    let end = endOfLine(bytes, at);
    if (bytes[at] === lineFeed || (bytes[at] === carriageReturn && bytes[at + 1] === lineFeed)) return;
    while (bytes[end] === space || bytes[end] === tab) end = endOfLine(bytes, end);
    let mark = start;
    while (mark < end && bytes[mark] !== colon && bytes[mark] !== lineFeed) mark++;
    const isField = bytes[mark] === colon && mark < end;
    let nameEnd = mark;
    // Lenient: RFC 5322 4.5 (obs-optional) lets blanks stand before the colon.
    while (isField && nameEnd > start && (bytes[nameEnd - 1] === space || bytes[nameEnd - 1] === tab)) nameEnd--;
    yield {
      name: isField ? bytes.toString("latin1", start, nameEnd) : "",
      start,
      end,
      valueStart: isField ? mark + 1 : start,
    };
    at = end;
  }
}

function endOfLine(bytes: Buffer, at: number): number {
  const lf = bytes.indexOf(lineFeed, at);
  return lf === -1 ? bytes.length : lf + 1;
}

/** RFC 5322 2.2.3: line ends before blanks go, the blanks stay. An octet string, trimmed. */
export function unfold(header: Uint8Array, from: number, to: number): string {
  const raw = Buffer.from(header.buffer, header.byteOffset, header.byteLength).toString("latin1", from, to);
  return unfoldText(raw);
}

/** The same for a value that is a string already. */
export function unfoldText(raw: string): string {
  const line = raw.includes("\n") ? raw.replace(/\r?\n[ \t]*/g, " ") : raw;
  let start = 0;
  let end = line.length;
  // Not what `trim` takes for blanks: 0xA0 may be the end of a character in UTF-8.
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return end - start === raw.length ? raw : line.slice(start, end);
}

const isBlank = (code: number): boolean => code === space || code === tab || code === carriageReturn;
