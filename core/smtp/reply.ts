/**
 * SMTP replies as values, ready for the wire. Whatever text comes in, no control character, no line over 512 octets and no
 * octet outside ASCII (unless the transaction speaks UTF-8) goes out. Never throws.
 */

export interface Reply {
  readonly code: number;
  /** All its lines, each with its CRLF. */
  readonly wire: string;
  /** The connection ends behind it. */
  readonly closes: boolean;
}

export interface ReplyManner {
  readonly closes?: boolean;
  /** RFC 6531 3.7.4.2: only where the client asked for SMTPUTF8. */
  readonly utf8?: boolean;
}

// RFC 5321 4.5.3.1.5: a reply line has at most 512 octets with code and CRLF
const LINE_OCTETS = 512;
const LINES = 50;
const LINE_ENDS = /\r\n|[\r\n]/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const UNPRINTABLE = /[^\u0020-\u007e]/;

/** `status` is an enhanced status code (RFC 3463), `null` where RFC 2034 4 forbids one: greeting, HELO, EHLO, 3xx. */
export function reply(
  code: number,
  status: string | null,
  text: string | readonly string[],
  manner: ReplyManner = {},
): Reply {
  const prefix = status === null ? "" : `${status} `;
  const lines = toLines(text, LINE_OCTETS - 6 - prefix.length, manner.utf8 ?? false);
  const last = lines.length - 1;
  let wire = "";
  // RFC 2034 4: the enhanced code stands on every line
  for (const [index, line] of lines.entries()) wire += `${code}${index < last ? "-" : " "}${prefix}${line}\r\n`;
  return { code, wire, closes: manner.closes ?? code === 421 };
}

/** The replies to one command that has several (RFC 2033 4.2): all of them leave, whatever one says. `code` stands for them. */
export const together = (replies: readonly Reply[], code: number): Reply => ({
  code,
  wire: replies.map(({ wire }) => wire).join(""),
  closes: replies.some(({ closes }) => closes),
});

function toLines(text: string | readonly string[], octets: number, utf8: boolean): readonly string[] {
  if (typeof text === "string" && text.length <= octets && !UNPRINTABLE.test(text)) return [text];
  const raw = typeof text === "string" ? text.split(LINE_ENDS) : text;
  const lines: string[] = [];
  for (const part of raw) {
    for (const line of wrap(printable(part, utf8), octets)) {
      lines.push(line);
      if (lines.length === LINES) return lines;
    }
  }
  return lines.length === 0 ? [""] : lines;
}

function printable(text: string, utf8: boolean): string {
  const clean = text.replace(CONTROL, " ").trimEnd();
  return utf8 ? clean : clean.replace(/[^\u0020-\u007e]/gu, "?");
}

/** Breaks at spaces where it can. */
function* wrap(line: string, octets: number): Generator<string> {
  let rest = line;
  while (Buffer.byteLength(rest) > octets) {
    let end = 0;
    let used = 0;
    let space = -1;
    for (const char of rest) {
      used += Buffer.byteLength(char);
      if (used > octets) break;
      if (char === " ") space = end;
      end += char.length;
    }
    if (space > 0) end = space;
    yield rest.slice(0, end);
    rest = rest.slice(end).trimStart();
  }
  yield rest;
}
