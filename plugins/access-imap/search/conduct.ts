/** What SEARCH and SORT share: their arguments, and the way from a key to results. */
import { Pace } from "../pace.ts";
import { bad, no, type Reply } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { asUidRanges, type Extent, savedHits } from "./answer.ts";
import { charsets, parseCharset, undeclared } from "./charset.ts";
import { type Gathered, gather } from "./gather.ts";
import { parseSearchKeys } from "./parse-keys.ts";
import type { ReturnOptions } from "./return-options.ts";
import { Search } from "./search.ts";
import { hasKey, type SearchKey } from "./search-key.ts";

export interface Criteria {
  readonly hasCharset: boolean;
  /** `null`: in a charset that nobody here can decode. */
  readonly key: SearchKey | null;
}

/** Optional `CHARSET name`, then keys (SEARCH). */
export function parseCriteria(parser: CommandParser): Criteria {
  if (!parser.takeWord("CHARSET ")) return { hasCharset: false, key: parseKeys(parser, undeclared) };
  return parseCriteriaWithCharset(parser);
}

/** Name of the charset, then keys (SORT, THREAD). */
export function parseCriteriaWithCharset(parser: CommandParser): Criteria {
  const decode = parseCharset(parser);
  if (decode === null) return { hasCharset: true, key: null };
  parser.space();
  return { hasCharset: true, key: parseKeys(parser, decode) };
}

function parseKeys(parser: CommandParser, decode: (octets: string) => string): SearchKey {
  if (parser.isAtEnd) throw new SyntaxFault("Expected a search key");
  return parseSearchKeys(parser, decode);
}

/** Why the search is not carried out at all. `isDeclared`: the command's grammar wants a charset. */
export function refusal(session: ImapSession, { hasCharset, key }: Criteria, isDeclared = false): Reply | null {
  // RFC 6855 3: not after ENABLE UTF8=ACCEPT.
  if (hasCharset && !isDeclared && session.enabled.has("UTF8=ACCEPT")) return bad("No CHARSET after UTF8=ACCEPT");
  // RFC 3501 6.4.4: tagged NO, with charsets that are taken.
  return key === null ? no("Charset is not supported", `BADCHARSET ${charsets}`) : null;
}

/** RFC 6203 4: relevancy is that of fuzzy searches only. */
export function checkRelevancy(key: SearchKey, wants: boolean): void {
  if (wants && !hasKey(key, "fuzzy")) throw new SyntaxFault("RELEVANCY needs FUZZY");
}

export interface Conducted {
  readonly session: ImapSession;
  readonly selected: Selected;
  readonly key: SearchKey;
  readonly wantsRelevancy: boolean;
}

/** Searches, puts what it found in order, and saves what is to be saved. */
export async function conduct(
  given: Conducted,
  extent: Extent,
  options: ReturnOptions | null,
  inOrder: (gathered: Gathered) => Gathered | Promise<Gathered> = (gathered) => gathered,
): Promise<Gathered> {
  // Before anything is saved: `$` may stand in the key.
  const search = searchOf(given);
  try {
    const gathered = await inOrder(await gather(search, extent));
    if (options?.save) given.selected.view.saved = asUidRanges(savedHits(gathered.hits, options));
    return gathered;
  } catch (fault) {
    saveNothing(given.selected, options);
    throw fault;
  }
}

export function searchOf({ session, selected, key, wantsRelevancy }: Conducted): Search {
  const pace = new Pace(session.connection.closed);
  const now = session.services.clock.now();
  // RFC 7162 3.1: the client knows modification sequences.
  if (hasKey(key, "modseq")) session.enable("CONDSTORE");
  return new Search(selected, key, { pace, now, wantsRelevancy, fullText: selected.fullText });
}

/** RFC 5182 2.1: a search that is answered NO leaves nothing saved. */
export function saveNothing(selected: Selected, options: ReturnOptions | null): void {
  if (options?.save) selected.view.saved = [];
}
