/** SORT and UID SORT (RFC 5256 BASE.6.4.SORT), with the return options of ESORT (RFC 5267 3). */
import { Pace } from "../pace.ts";
import { ok, type Reply } from "../reply.ts";
import { extendedAnswer, plainAnswer } from "../search/answer.ts";
import {
  type Criteria,
  checkRelevancy,
  conduct,
  parseCriteriaWithCharset,
  refusal,
  saveNothing,
} from "../search/conduct.ts";
import { refusedUpdate } from "../search/contexts.ts";
import { parseReturnOptions, type ReturnOptions } from "../search/return-options.ts";
import { hasKey } from "../search/search-key.ts";
import { sortHits } from "../search/sort.ts";
import { parseSortKeys, type SortKey } from "../search/sort-key.ts";
import type { ImapSession, Selected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { type Invocation, withUidForm } from "./command.ts";

interface Arguments extends Criteria {
  readonly options: ReturnOptions | null;
  readonly sortKeys: readonly SortKey[];
}

function parse(parser: CommandParser): Arguments {
  parser.space();
  const options = parseReturnOptions(parser);
  const sortKeys = parseSortKeys(parser);
  parser.space();
  return { options, sortKeys, ...parseCriteriaWithCharset(parser) };
}

type Given = Invocation & { readonly session: ImapSession; readonly selected: Selected };

async function sortMessages({ session, selected, tag }: Given, args: Arguments, isUid: boolean): Promise<Reply> {
  const { key, options, sortKeys } = args;
  // RFC 5256 3: the grammar wants a charset, also after UTF8=ACCEPT.
  const refused = refusal(session, args, true);
  if (refused?.condition === "NO") saveNothing(selected, options);
  if (refused || key === null) return refused as Reply;
  const wantsRelevancy = options?.relevancy === true || sortKeys.some(({ by }) => by === "relevancy");
  checkRelevancy(key, wantsRelevancy);
  const all = { at: "everything" } as const;
  const where = { mailbox: selected.mailbox, pace: new Pace(session.connection.closed) };
  const sorted = await conduct({ session, selected, key, wantsRelevancy }, all, options, (gathered) =>
    sortHits(gathered, sortKeys, where),
  );
  // RFC 5267 4.3: updates of sorted results are CONTEXT=SORT's, which is not offered.
  if (options?.update) session.out.line(refusedUpdate(tag, "Sorted results are not followed"));
  const found = { hits: sorted.hits, isUid, tellsModseq: hasKey(key, "modseq") };
  const answer = options ? extendedAnswer(tag, found, options) : plainAnswer("SORT", found);
  if (answer !== null) session.out.line(answer);
  return ok("Sort completed", sorted.isComplete ? null : "EXPUNGEISSUED");
}

// RFC 5256 3: as with SEARCH, no EXPUNGE while it runs.
export const [sort, uidSort] = withUidForm({ mayExpunge: false, parse, run: sortMessages });
