/**
 * What stands before the octets of a message in APPEND and REPLACE (RFC 3501 6.3.11, RFC 3502, RFC 4469 5, RFC 6855 4, RFC 8508 3): flags,
 * date, and whether it is one literal or put together of parts. `isMessageNext` answers whether the literal behind what has been
 * received belongs to a message.
 */
import type { Flag } from "postern/plugin";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

const maxFlags = 128;

export interface MessageStart {
  readonly flags: readonly Flag[];
  readonly internalDate: number | null;
  /** `utf8`: a literal in parentheses. */
  readonly form: "literal" | "utf8" | "catenate";
}

/** Up to the first literal, or the first part. */
export function parseMessageStart(parser: CommandParser): MessageStart {
  parser.space();
  let flags: Flag[] = [];
  if (parser.peek() === "(") {
    // Lenient: \Recent is nobody's to set; some programs copy it from FETCH (offlineimap, imapsync).
    flags = parser.list(() => parser.flag()).filter((flag) => flag !== "\\Recent");
    if (flags.length > maxFlags) throw new SyntaxFault("Too many flags");
    parser.space();
  }
  let internalDate: number | null = null;
  if (parser.peek() === '"') {
    internalDate = parser.dateTime();
    parser.space();
  }
  const start = { flags, internalDate };
  if (parser.takeWord("CATENATE")) {
    parser.space();
    parser.expect("(");
    return { ...start, form: "catenate" };
  }
  if (takeUtf8(parser)) return { ...start, form: "utf8" };
  takeLiteralMark(parser);
  return { ...start, form: "literal" };
}

export type PartStart = "url" | "text" | "utf8";

/** One part of CATENATE, up to its literal or its URL. */
export function parsePartStart(parser: CommandParser): PartStart {
  if (parser.takeWord("URL")) {
    parser.space();
    return "url";
  }
  if (takeUtf8(parser)) return "utf8";
  if (!parser.takeWord("TEXT")) throw new SyntaxFault("Expected TEXT or URL");
  parser.space();
  takeLiteralMark(parser);
  return "text";
}

/** RFC 6855 4: `UTF8 (~{n}`. */
function takeUtf8(parser: CommandParser): boolean {
  if (!parser.takeWord("UTF8")) return false;
  parser.space();
  parser.expect("(");
  takeLiteralMark(parser);
  return true;
}

/** The tilde of a literal8, which belongs to what was announced; then nothing but the literal. */
function takeLiteralMark(parser: CommandParser): void {
  parser.take("~");
  if (!parser.isAtEnd) throw new SyntaxFault("Expected a literal");
}

/** From behind the name of the mailbox; `parser` holds what came before the literal. Throws `SyntaxFault`. */
export function isMessageNext(parser: CommandParser): boolean {
  for (;;) {
    if (parseMessageStart(parser).form !== "catenate") return true;
    do {
      if (parsePartStart(parser) !== "url") return true;
      if (parser.isAtEnd) return false;
      parser.astring();
    } while (parser.take(" "));
    parser.expect(")");
  }
}
