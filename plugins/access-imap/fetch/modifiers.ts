/**
 * Modifiers of FETCH (RFC 4466 2.4): `FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)`. Each stands at most once, in any order. One that
 * this server does not know is an error of the client.
 */
import { parseModseq } from "../sync/modseq.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { type PartialRange, parsePartialRange } from "../wire/partial-range.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export interface FetchModifiers {
  /** RFC 9394 3.3: only these of the messages that would be answered. */
  readonly partial?: PartialRange;
  /** RFC 7162 3.1.4.1: only messages with a greater modification sequence. */
  readonly changedSince?: number;
  /** RFC 7162 3.2.6: with the UIDs that have gone since then. */
  readonly isVanished?: true;
}

/** By name: reads what stands behind the name, and answers what it means. */
const modifiers: ReadonlyMap<string, (parser: CommandParser) => FetchModifiers> = new Map<
  string,
  (parser: CommandParser) => FetchModifiers
>([
  [
    "CHANGEDSINCE",
    (parser) => {
      parser.space();
      return { changedSince: parseModseq(parser) };
    },
  ],
  ["VANISHED", () => ({ isVanished: true })],
  [
    "PARTIAL",
    (parser) => {
      parser.space();
      return { partial: parsePartialRange(parser) };
    },
  ],
]);

/** Behind the items, up to the end of the command. */
export function parseFetchModifiers(parser: CommandParser): FetchModifiers {
  let found: FetchModifiers = {};
  if (parser.isAtEnd) return found;
  parser.space();
  if (parser.isAtEnd) return found; // Lenient: blanks at the end of a line (imaplib).
  const seen = new Set<string>();
  parser.list(() => {
    const name = parser.atom().toUpperCase();
    const read = modifiers.get(name);
    if (!read || seen.has(name)) throw new SyntaxFault(read ? "Modifier stands twice" : "Unknown modifier");
    seen.add(name);
    found = { ...found, ...read(parser) };
  });
  // RFC 7162 3.2.6: VANISHED only together with CHANGEDSINCE.
  if (found.isVanished && found.changedSince === undefined) throw new SyntaxFault("VANISHED needs CHANGEDSINCE");
  if (seen.size === 0) throw new SyntaxFault("Expected a modifier");
  return found;
}
