/** SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4) and UID SEARCH, with what RFC 4731, 5182, 5267, 6203 and 9394 let it return. */
import { ok, type Reply } from "../reply.ts";
import { extendedAnswer, extentOf, plainAnswer } from "../search/answer.ts";
import { type Criteria, checkRelevancy, conduct, parseCriteria, refusal, saveNothing } from "../search/conduct.ts";
import { refusedUpdate } from "../search/contexts.ts";
import { parseReturnOptions, type ReturnOptions } from "../search/return-options.ts";
import { hasKey } from "../search/search-key.ts";
import type { ImapSession, Selected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { type Invocation, withUidForm } from "./command.ts";

interface Arguments extends Criteria {
  readonly options: ReturnOptions | null;
}

/** RFC 9051 6.4.4: what a plain SEARCH of IMAP4rev2 returns. */
const plain: ReturnOptions = {
  ...{ min: false, max: false, all: true, count: false, save: false, relevancy: false, update: false },
  partial: null,
};

function parse(parser: CommandParser): Arguments {
  parser.space();
  const options = parseReturnOptions(parser);
  return { options, ...parseCriteria(parser) };
}

type Given = Invocation & { readonly session: ImapSession; readonly selected: Selected };

async function searchMessages({ session, selected, tag }: Given, args: Arguments, isUid: boolean): Promise<Reply> {
  const { key } = args;
  const options = args.options ?? (session.enabled.has("IMAP4REV2") ? plain : null);
  const refusedWith = refusal(session, args);
  if (refusedWith?.condition === "NO") saveNothing(selected, options);
  if (refusedWith || key === null) return refusedWith as Reply;
  const wantsRelevancy = options?.relevancy === true;
  checkRelevancy(key, wantsRelevancy);
  const { hits, isComplete } = await conduct({ session, selected, key, wantsRelevancy }, extentOf(options), options);
  const found = { hits, isUid, tellsModseq: hasKey(key, "modseq") };
  const answer = options ? extendedAnswer(tag, found, options) : plainAnswer("SEARCH", found);
  if (answer !== null) session.out.line(answer);
  if (options?.update) {
    const refused = selected.contexts.follow({ tag, key, isUid }, hits, selected.view.snapshot);
    if (refused !== null) session.out.line(refusedUpdate(tag, refused));
  }
  return ok("Search completed", isComplete ? null : "EXPUNGEISSUED");
}

export const [search, uidSearch] = withUidForm({ mayExpunge: false, parse, run: searchMessages });
