/** SEARCH (RFC 3501 6.4.4) and UID SEARCH (6.4.8). */
import { Pace } from "../pace.ts";
import { no, ok, type Reply } from "../reply.ts";
import { Search } from "../search/search.ts";
import { parseSearchKeys, type SearchKey } from "../search/search-key.ts";
import type { ImapSession, Selected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

/** `null`: a charset that is not taken here; its keys cannot be read. */
type Arguments = SearchKey | null;

const charsets = ["US-ASCII", "UTF-8"];

function parse(parser: CommandParser): Arguments {
  parser.space();
  if (parser.takeWord("CHARSET ")) {
    if (!charsets.includes(parser.astring().toUpperCase())) return null;
    parser.space();
  }
  if (parser.isAtEnd) throw new SyntaxFault("Expected a search key");
  return parseSearchKeys(parser);
}

async function searchMessages(
  { session, selected }: { readonly session: ImapSession; readonly selected: Selected },
  key: Arguments,
  isUid: boolean,
): Promise<Reply> {
  // RFC 3501 6.4.4: tagged NO, with the charsets that are taken.
  if (key === null) return no("Charset is not supported", `BADCHARSET (${charsets.join(" ")})`);
  const hits: number[] = [];
  const isComplete = await new Search(selected, key, new Pace(session.connection.closed)).run((number, uid) =>
    hits.push(isUid ? uid : number),
  );
  session.out.line(hits.length === 0 ? "* SEARCH" : `* SEARCH ${hits.join(" ")}`);
  return ok("Search completed", isComplete ? null : "EXPUNGEISSUED");
}

export const search = defineCommand({
  validIn: "selected",
  mayExpunge: false,
  parse,
  run: (given, key: Arguments) => searchMessages(given, key, false),
});

export const uidSearch = defineCommand({
  validIn: "selected",
  parse,
  run: (given, key: Arguments) => searchMessages(given, key, true),
});
