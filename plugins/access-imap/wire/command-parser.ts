/**
 * Parser over one command that is here as a whole: lines as octet strings, literals as buffers between them. Follows the
 * grammar of RFC 3501 9; where a rule is bent, the line says for whom. Throws `SyntaxFault` only.
 */

import { decodeModifiedUtf7 } from "postern/mail";
import { parseDateTime, parseDay } from "./date-time.ts";
import { SequenceSet } from "./sequence-set.ts";
import { SyntaxFault } from "./syntax-fault.ts";

/** Lines and literals in turn: a line, and after it a literal wherever one was announced. */
export type Segment = string | Buffer;

// RFC 3501 9: atom-specials are ( ) { % * " \ ] SP and CTL; ASTRING-CHAR takes ] back.
const isAtomChar = classOf('(){%*"\\]');
const isAstringChar = classOf('(){%*"\\');
const isListChar = classOf('(){"\\');
const isTagChar = classOf('(){%*"\\+');

/** Everything printable but these. */
function classOf(excluded: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let code = 33; code < 127; code++) table[code] = excluded.includes(String.fromCharCode(code)) ? 0 : 1;
  return table;
}
/** RFC 3501 9 has no 8-bit atoms. Lenient: curl's -X sends mailbox names as they are typed; the name check has the last word. */
const isAstringChar8 = isAstringChar.map((value, code) => (code >= 128 ? 1 : value));

/** How deep parentheses may nest, whatever the command. */
export const maxNesting = 50;

export class CommandParser {
  readonly #segments: readonly Segment[];
  #segment = 0;
  #text: string;
  #at = 0;
  readonly #isUtf8: boolean;

  /** `isUtf8`: the client has enabled it (RFC 6855 3, RFC 9051), so names of mailboxes are UTF-8. */
  constructor(segments: readonly Segment[], { isUtf8 = false }: { readonly isUtf8?: boolean } = {}) {
    this.#segments = segments;
    this.#isUtf8 = isUtf8;
    const first = segments[0];
    this.#text = typeof first === "string" ? first : "";
  }

  /** Whether a literal stands here. */
  get isAtLiteral(): boolean {
    return this.#at === this.#text.length && this.#segment + 1 < this.#segments.length;
  }

  /** At the end of all that has been received. */
  get isAtEnd(): boolean {
    return this.#at === this.#text.length && this.#segment + 1 >= this.#segments.length;
  }

  /** The next character, `""` at the end of a line. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  take(char: string): boolean {
    if (this.#text.charAt(this.#at) !== char) return false;
    this.#at++;
    return true;
  }

  expect(char: string): void {
    if (!this.take(char)) throw new SyntaxFault(char === " " ? "Missing argument" : `Expected ${char}`);
  }

  space(): void {
    this.expect(" ");
    // Lenient: several blanks where the grammar has one. Python's imaplib writes a blank for each argument, also an empty one.
    while (this.#text.charAt(this.#at) === " ") this.#at++;
  }

  end(): void {
    while (this.#text.charAt(this.#at) === " ") this.#at++; // Lenient: as imaplib ends a line whose last argument is empty.
    if (!this.isAtEnd) throw new SyntaxFault("Unexpected extra arguments");
  }

  /** Takes `word` in any case, if it stands here. */
  takeWord(word: string): boolean {
    if (this.#text.slice(this.#at, this.#at + word.length).toUpperCase() !== word) return false;
    this.#at += word.length;
    return true;
  }

  #run(table: Uint8Array, what: string): string {
    const start = this.#at;
    let at = start;
    while (at < this.#text.length && table[this.#text.charCodeAt(at)] === 1) at++;
    if (at === start) throw new SyntaxFault(`Expected ${what}`);
    this.#at = at;
    return this.#text.slice(start, at);
  }

  tag(): string {
    return this.#run(isTagChar, "a tag");
  }

  atom(): string {
    return this.#run(isAtomChar, "an atom");
  }

  astring(): string {
    if (this.peek() === '"' || this.isAtLiteral) return this.string();
    return this.#run(isAstringChar8, "a string");
  }

  string(): string {
    if (this.take('"')) return this.#quoted();
    return this.literal().toString("latin1");
  }

  nstring(): string | null {
    return this.peek() !== '"' && !this.isAtLiteral && this.takeWord("NIL") ? null : this.string();
  }

  literal(): Buffer {
    const literal = this.isAtLiteral ? this.#segments[this.#segment + 1] : undefined;
    if (!(literal instanceof Buffer)) throw new SyntaxFault("Expected a string");
    const next = this.#segments[this.#segment + 2];
    this.#segment += 2;
    this.#text = typeof next === "string" ? next : "";
    this.#at = 0;
    return literal;
  }

  #quoted(): string {
    let content = "";
    let from = this.#at;
    for (let at = from; at < this.#text.length; at++) {
      const char = this.#text.charCodeAt(at);
      if (char === 34) {
        content += this.#text.slice(from, at);
        this.#at = at + 1;
        return content;
      }
      if (char === 92) {
        content += this.#text.slice(from, at);
        from = ++at;
      } else if (char === 13 || char === 0) break;
    }
    throw new SyntaxFault("Quoted string without end");
  }

  number(): number {
    const start = this.#at;
    while (/^\d$/.test(this.peek())) this.#at++;
    const digits = this.#text.slice(start, this.#at);
    const number = Number(digits);
    // RFC 3501 9: unsigned 32 bits. RFC 9051 makes that 63 for sizes; what fits a double is taken.
    if (digits === "" || !Number.isSafeInteger(number)) throw new SyntaxFault("Expected a number");
    return number;
  }

  sequenceSet(): SequenceSet {
    if (this.take("$")) return SequenceSet.saved;
    const start = this.#at;
    while (/^[\d:,*]$/.test(this.peek())) this.#at++;
    return SequenceSet.parse(this.#text.slice(start, this.#at));
  }

  /** A mailbox name as text; INBOX in any case is `INBOX` (RFC 3501 5.1). */
  mailbox(): string {
    const octets = this.astring();
    const name = this.decodeName(octets);
    if (name === null) throw new SyntaxFault(`Mailbox name is not valid ${this.#isUtf8 ? "UTF-8" : "modified UTF-7"}`);
    return name.toUpperCase() === "INBOX" ? "INBOX" : name;
  }

  /** A name of a mailbox, or a pattern for names; `null` where the octets are none. */
  decodeName(octets: string): string | null {
    return this.#isUtf8 ? decodeUtf8(octets) : decodeModifiedUtf7(octets);
  }

  /** RFC 3501 9 list-mailbox: an astring in which `%` and `*` may stand bare. Octets as sent. */
  listMailbox(): string {
    if (this.peek() === '"' || this.isAtLiteral) return this.string();
    return this.#run(isListChar, "a mailbox pattern");
  }

  /** `(a b c)`, also empty. */
  list<T>(item: () => T): T[] {
    this.expect("(");
    const items: T[] = [];
    if (this.take(")")) return items;
    do {
      while (this.take(" ")); // Lenient: several blanks, as scripts over imaplib put lists together.
      if (this.peek() === ")") break;
      items.push(item());
    } while (this.peek() === " ");
    this.expect(")");
    return items;
  }

  /** `\Seen` or a keyword. System flags come in the spelling of RFC 3501 2.3.2. */
  flag(): string {
    const isSystem = this.take("\\");
    const name = this.atom();
    if (!isSystem) {
      if (name.length > 255) throw new SyntaxFault("Keyword is too long");
      return name;
    }
    const flag = systemFlags.get(name.toLowerCase());
    if (!flag) throw new SyntaxFault("Invalid system flag");
    return flag;
  }

  /** Days since 1970. */
  date(): number {
    const text = this.peek() === '"' ? this.string() : this.atom();
    const day = parseDay(text);
    if (day === null) throw new SyntaxFault("Expected a date");
    return day;
  }

  /** Milliseconds since 1970. */
  dateTime(): number {
    const epochMs = parseDateTime(this.string());
    if (epochMs === null) throw new SyntaxFault("Expected a date-time");
    return epochMs;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(octets: string): string | null {
  try {
    return utf8.decode(Buffer.from(octets, "latin1"));
  } catch (fault) {
    if (!(fault instanceof TypeError)) throw fault;
    return null;
  }
}

const systemFlags = new Map(
  ["Seen", "Answered", "Flagged", "Deleted", "Draft", "Recent"].map((name) => [name.toLowerCase(), `\\${name}`]),
);
