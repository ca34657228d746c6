/**
 * Address lists of header fields as RFC 3501 7.4.2 wants them for ENVELOPE: display name, source route, mailbox, host,
 * with groups as marks. Takes RFC 5322's obsolete forms and most of what is met in the wild. Octet strings in and out;
 * encoded words stay as they are. Bounded, never throws.
 */
import { FieldCursor, OctetSet } from "./field-value.ts";

export interface EnvelopeAddress {
  readonly name: string | null;
  /** Source route, `@a,@b` */
  readonly route: string | null;
  /** `null` marks the end of a group. */
  readonly mailbox: string | null;
  /** `null` with a mailbox marks the start of the group of that name. */
  readonly host: string | null;
}

const maxAddresses = 10_000;
/** Clients take NIL for a group mark, so an address without its domain, or domain only, needs words here. */
const missingHost = "MISSING_DOMAIN";
const missingMailbox = "MISSING_MAILBOX";
const groupEnd: EnvelopeAddress = { name: null, route: null, mailbox: null, host: null };

/** `null` where there is no address at all. */
export function parseAddressList(value: string): readonly EnvelopeAddress[] | null {
  const cursor = new FieldCursor(value);
  const found: EnvelopeAddress[] = [];
  let inGroup = false;
  while (found.length < maxAddresses) {
    cursor.skipBlanks();
    if (cursor.isAtEnd) break;
    if (cursor.take(",")) continue;
    if (cursor.take(";")) {
      if (inGroup) found.push(groupEnd);
      inGroup = false;
      continue;
    }
    const phrase = readPhrase(cursor);
    if (!inGroup && cursor.take(":")) {
      found.push({ name: null, route: null, mailbox: phrase.text, host: null });
      inGroup = true;
      continue;
    }
    if (cursor.peek() === "<") found.push(readAngle(cursor, phrase.text));
    else if (cursor.peek() === "@") found.push(readBare(cursor, phrase));
    else if (phrase.text !== "") found.push(withoutHost(phrase));
    else cursor.at++;
  }
  if (inGroup) found.push(groupEnd);
  return found.length > 0 ? found : null;
}

interface Phrase {
  /** Words with single blanks between them. */
  readonly text: string;
  /** The same without blanks around dots: what a local part would be. */
  readonly local: string;
  readonly comment: string | null;
}

/** Words, quoted strings and dots, up to one of `<>@,:;` */
function readPhrase(cursor: FieldCursor): Phrase {
  let text = "";
  let local = "";
  let comment: string | null = null;
  for (;;) {
    const from = cursor.at;
    comment = cursor.skipBlanks() ?? comment;
    const isSeparate = cursor.at > from;
    if (cursor.isAtEnd || phraseEnds.has(cursor.text.charCodeAt(cursor.at))) return { text, local, comment };
    let word: string;
    if (cursor.peek() === '"') word = cursor.quoted();
    else {
      const start = cursor.at;
      // A lone `)`, `[` or `]` is no word, but a broken name may have it.
      cursor.at++;
      while (!cursor.isAtEnd && !wordEnds.has(cursor.text.charCodeAt(cursor.at))) cursor.at++;
      word = cursor.text.slice(start, cursor.at);
    }
    text += isSeparate && text !== "" ? ` ${word}` : word;
    local += word;
  }
}

const wordEnds = new OctetSet(' \t\r\n"(<>@,:;');
const phraseEnds = new OctetSet("<>@,:;");

/** RFC 5322 4.4 (obs-route) is still taken. */
function readAngle(cursor: FieldCursor, name: string): EnvelopeAddress {
  cursor.at++;
  cursor.skipBlanks();
  let route: string | null = null;
  if (cursor.peek() === "@") {
    const start = cursor.at;
    cursor.skipTo(":>");
    if (cursor.peek() === ":") {
      route = cursor.text.slice(start, cursor.at).replace(/[ \t\r\n]+/g, "");
      cursor.at++;
    } else cursor.at = start;
  }
  const { local } = readPhrase(cursor);
  let host: string | null = null;
  if (cursor.take("@")) host = readHost(cursor);
  cursor.skipBlanks();
  if (cursor.peek() !== ">") cursor.skipTo(">,;");
  cursor.take(">");
  const comment = cursor.skipBlanks();
  return {
    name: name || comment || null,
    route,
    // RFC 5322 3.6.7: `<>` is an empty path; ENVELOPE has nothing better for it than empty strings.
    mailbox: local || missingMailbox,
    host: host || missingHost,
  };
}

function readBare(cursor: FieldCursor, phrase: Phrase): EnvelopeAddress {
  cursor.at++;
  const host = readHost(cursor);
  // RFC 822 3.4.3: the name may stand in a comment behind the address.
  const comment = cursor.skipBlanks() ?? phrase.comment;
  return {
    name: comment || null,
    route: null,
    mailbox: phrase.local || missingMailbox,
    host: host || missingHost,
  };
}

/** One word is taken for a mailbox, several for a name. */
function withoutHost({ text, local, comment }: Phrase): EnvelopeAddress {
  const isName = text !== local;
  return {
    name: (isName ? text : comment) || null,
    route: null,
    mailbox: isName || local === "" ? missingMailbox : local,
    host: missingHost,
  };
}

/** A domain or `[literal]`; blanks around dots go. */
function readHost(cursor: FieldCursor): string {
  let host = "";
  for (;;) {
    cursor.skipBlanksOnly();
    const char = cursor.peek();
    if (char === "[") {
      const start = cursor.at;
      cursor.skipTo("]");
      cursor.take("]");
      host += cursor.text.slice(start, cursor.at);
      continue;
    }
    if (char === "(" && host !== "") return host;
    if (char === "(") {
      cursor.comment();
      continue;
    }
    const start = cursor.at;
    while (!cursor.isAtEnd && !wordEnds.has(cursor.text.charCodeAt(cursor.at)) && cursor.peek() !== "[") cursor.at++;
    if (cursor.at === start) return host;
    const word = cursor.text.slice(start, cursor.at);
    if (host !== "" && !host.endsWith(".") && !word.startsWith(".")) {
      cursor.at = start;
      return host;
    }
    host += word;
  }
}
