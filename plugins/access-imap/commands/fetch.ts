/** FETCH (RFC 3501 6.4.5) and UID FETCH (6.4.8). */
import { Fetch, includes, modseqItem, type Ranges, uidItem } from "../fetch/fetch.ts";
import { type FetchItem, parseFetchItems } from "../fetch/fetch-item.ts";
import { BrokenLiteral } from "../fetch/literal.ts";
import { type FetchModifiers, parseFetchModifiers } from "../fetch/modifiers.ts";
import { rangesOf } from "../message-set.ts";
import { no, ok, type Reply } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import { tellVanishedSince } from "../sync/resync.ts";
import type { View } from "../view.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { sliceOf } from "../wire/partial-range.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { withUidForm } from "./command.ts";

interface Arguments {
  readonly set: SequenceSet;
  readonly items: readonly FetchItem[];
  readonly modifiers: FetchModifiers;
}

function parse(parser: CommandParser): Arguments {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const items = parseFetchItems(parser);
  const modifiers = parseFetchModifiers(parser);
  parser.end();
  return { set, items, modifiers };
}

/** RFC 7162 3.1.4.1 */
function changedIn(view: View, ranges: Ranges, since: number): Ranges {
  const changed: [number, number][] = [];
  for (const [from, to] of ranges) {
    for (let number = from; number <= to; number++) {
      if (view.entry(number).modseq <= since) continue;
      const last = changed.at(-1);
      if (last?.[1] === number - 1) last[1] = number;
      else changed.push([number, number]);
    }
  }
  return changed;
}

/** What of the messages named the modifiers leave. */
function pick(view: View, named: Ranges, { partial, changedSince }: FetchModifiers): Ranges {
  const ranges = changedSince === undefined ? named : changedIn(view, named, changedSince);
  if (!partial) return ranges;
  // RFC 9394 3.3: places in what would be answered without it.
  const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  let { start, end } = sliceOf(partial, count);
  const picked: [number, number][] = [];
  for (const [from, to] of ranges) {
    const length = to - from + 1;
    if (start < length && end > 0) picked.push([from + Math.max(0, start), Math.min(to, from + end - 1)]);
    start -= length;
    end -= length;
  }
  return picked.filter(([from, to]) => from <= to);
}

async function fetchMessages(
  given: { readonly session: ImapSession; readonly selected: Selected },
  { set, items, modifiers }: Arguments,
  isUid: boolean,
): Promise<Reply | null> {
  const { session, selected } = given;
  const { changedSince, isVanished } = modifiers;
  // RFC 7162 3.2.6
  if (isVanished && !(isUid && session.enabled.has("QRESYNC"))) throw new SyntaxFault("VANISHED is not possible here");
  const ranges = pick(selected.view, rangesOf(selected.view, set, isUid), modifiers);
  const implied: FetchItem[] = [];
  // RFC 3501 6.4.8: a UID FETCH always answers with UIDs.
  if (isUid) implied.push(uidItem);
  // RFC 7162 3.1.4.1
  if (changedSince !== undefined) implied.push(modseqItem);
  const wanted = [...implied.filter((item) => !includes(items, item)), ...items];
  // RFC 7162 3.1
  if (includes(wanted, modseqItem)) session.enable("CONDSTORE");
  selected.tellNewKeywords(session.out);
  if (isVanished && changedSince !== undefined)
    await tellVanishedSince(session, selected, { set, modseq: changedSince });
  try {
    const work = new Fetch(session, selected, wanted);
    await work.run(ranges);
    // RFC 3516 4.3
    if (work.isUndecoded) return no("A part has an unknown content-transfer-encoding", "UNKNOWN-CTE");
    if (work.isComplete) return ok("Fetch completed");
    const text = "Some of the messages no longer exist";
    return isUid ? ok(text, "EXPUNGEISSUED") : no(text, "EXPUNGEISSUED");
  } catch (fault) {
    if (!(fault instanceof BrokenLiteral)) throw fault;
    if (!session.connection.closed.aborted)
      session.log.error({ err: fault, mailbox: selected.mailbox.name }, "message broke off in the middle of a literal");
    session.breakOff();
    return null;
  }
}

export const [fetch, uidFetch] = withUidForm({ mayExpunge: false, parse, run: fetchMessages });
