/** THREAD and UID THREAD (RFC 5256 BASE.6.4.THREAD). */
import { Pace } from "../pace.ts";
import { ok, type Reply } from "../reply.ts";
import { type Criteria, conduct, parseCriteriaWithCharset, refusal } from "../search/conduct.ts";
import { eachOverview } from "../search/overviews.ts";
import { threadByReferences } from "../search/thread-references.ts";
import { threadBySubject } from "../search/thread-subject.ts";
import { formatThreads, type ThreadedMessage, type ThreadNode } from "../search/thread-tree.ts";
import { threadedMessage } from "../search/threaded-message.ts";
import type { ImapSession, Selected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { withUidForm } from "./command.ts";

type Algorithm = (
  messages: readonly ThreadedMessage[],
  pace: Pace,
) => readonly ThreadNode[] | Promise<readonly ThreadNode[]>;

const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["ORDEREDSUBJECT", threadBySubject],
  ["REFERENCES", (messages, pace) => threadByReferences(messages, { mergesSubjects: true, pace })],
  ["REFS", (messages, pace) => threadByReferences(messages, { mergesSubjects: false, pace })],
]);

interface Arguments extends Criteria {
  readonly algorithm: Algorithm;
}

function parse(parser: CommandParser): Arguments {
  parser.space();
  const algorithm = algorithms.get(parser.atom().toUpperCase());
  if (!algorithm) throw new SyntaxFault("Unknown threading algorithm");
  parser.space();
  return { algorithm, ...parseCriteriaWithCharset(parser) };
}

interface Given {
  readonly session: ImapSession;
  readonly selected: Selected;
}

async function threadMessages({ session, selected }: Given, args: Arguments, isUid: boolean): Promise<Reply> {
  const { key, algorithm } = args;
  const refused = refusal(session, args, true);
  if (refused || key === null) return refused as Reply;
  const pace = new Pace(session.connection.closed);
  const found = await conduct({ session, selected, key, wantsRelevancy: false }, { at: "everything" }, null);
  const messages: ThreadedMessage[] = [];
  const where = { mailbox: selected.mailbox, pace };
  const areThere = await eachOverview(where, found.hits, (hit, overview) => {
    messages.push(threadedMessage(hit, overview, isUid));
  });
  const { out } = session;
  out.text("* THREAD");
  let separator = " ";
  for (const piece of formatThreads(await algorithm(messages, pace))) {
    out.text(separator + piece);
    separator = "";
  }
  out.line("");
  return ok("Thread completed", found.isComplete && areThere ? null : "EXPUNGEISSUED");
}

// RFC 5256 3: as with SEARCH, no EXPUNGE while it runs.
export const [thread, uidThread] = withUidForm({ mayExpunge: false, parse, run: threadMessages });
