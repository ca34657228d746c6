/**
 * Arguments of LIST and LSUB: a reference and patterns (RFC 3501 6.3.8), and the options of the extended LIST (RFC 5258 6).
 * Options that nobody knows are a syntax fault (RFC 5258 3).
 */

import { parseEntries } from "../metadata/entries.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { parseStatusItems, type StatusItem } from "./status-items.ts";

export interface ListArguments {
  /** `null` matches nothing: it is no name. */
  readonly reference: string | null;
  readonly pattern: string | null;
}

/** RFC 5258 3.1, RFC 6154 6: which names. */
export type Selection = "SUBSCRIBED" | "REMOTE" | "RECURSIVEMATCH" | "SPECIAL-USE";

/** RFC 5258 3.2, RFC 5819, RFC 6154 2, RFC 8440, RFC 9590: what is told of each name. */
export interface Returns {
  readonly isSubscribed: boolean;
  readonly status: readonly StatusItem[] | null;
  readonly hasRights: boolean;
  /** Names of annotations. */
  readonly metadata: readonly string[] | null;
}

export interface ListRequest {
  readonly isExtended: boolean;
  readonly selections: ReadonlySet<Selection>;
  readonly reference: string | null;
  readonly patterns: readonly (string | null)[];
  readonly returns: Returns;
}

const selections: ReadonlySet<string> = new Set<Selection>(["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"]);

export function parseListArguments(parser: CommandParser): ListArguments {
  parser.space();
  const reference = parser.decodeName(parser.astring());
  parser.space();
  const pattern = parser.decodeName(parser.listMailbox());
  parser.end();
  return { reference, pattern };
}

export function parseListRequest(parser: CommandParser): ListRequest {
  parser.space();
  // RFC 5258 1: any of the three makes it an extended LIST.
  let isExtended = parser.peek() === "(";
  let selected: ReadonlySet<Selection> = new Set();
  if (isExtended) {
    selected = parseSelections(parser);
    parser.space();
  }
  const reference = parser.decodeName(parser.astring());
  parser.space();
  let patterns: (string | null)[];
  if (parser.peek() === "(") {
    isExtended = true;
    patterns = parser.list(() => parser.decodeName(parser.listMailbox()));
    if (patterns.length === 0) throw new SyntaxFault("Expected a mailbox pattern");
  } else patterns = [parser.decodeName(parser.listMailbox())];
  let returns: Returns = { isSubscribed: false, status: null, hasRights: false, metadata: null };
  if (parser.peek() === " ") {
    parser.space();
    // Lenient: blanks at the end of a line (imaplib).
    if (!parser.isAtEnd) {
      isExtended = true;
      if (!parser.takeWord("RETURN")) throw new SyntaxFault("Unexpected extra arguments");
      parser.space();
      returns = parseReturns(parser);
    }
  }
  parser.end();
  return { isExtended, selections: selected, reference, patterns, returns };
}

function parseSelections(parser: CommandParser): ReadonlySet<Selection> {
  const found = new Set<Selection>();
  parser.list(() => {
    const option = parser.atom().toUpperCase();
    if (!selections.has(option)) throw new SyntaxFault("Unknown selection option");
    found.add(option as Selection);
  });
  // RFC 5258 3.1: RECURSIVEMATCH only together with what it is to match.
  if (found.has("RECURSIVEMATCH") && !found.has("SUBSCRIBED") && !found.has("SPECIAL-USE"))
    throw new SyntaxFault("RECURSIVEMATCH needs another selection option");
  return found;
}

function parseReturns(parser: CommandParser): Returns {
  const returns: { -readonly [Key in keyof Returns]: Returns[Key] } = {
    isSubscribed: false,
    status: null,
    hasRights: false,
    metadata: null,
  };
  parser.list(() => {
    const option = parser.atom().toUpperCase();
    switch (option) {
      case "SUBSCRIBED":
        returns.isSubscribed = true;
        return;
      // RFC 3348 3, RFC 6154 2: these are told always.
      case "CHILDREN":
      case "SPECIAL-USE":
        return;
      case "STATUS":
        parser.space();
        returns.status = parseStatusItems(parser);
        return;
      case "MYRIGHTS":
        returns.hasRights = true;
        return;
      case "METADATA":
        parser.space();
        returns.metadata = parseEntries(parser);
        return;
      default:
        throw new SyntaxFault("Unknown return option");
    }
  });
  return returns;
}
