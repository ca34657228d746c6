/** STORE (RFC 3501 6.4.6) and UID STORE (6.4.8), with UNCHANGEDSINCE (RFC 7162 3.1.3). */
import type { Flag, FlagChange, MessageEntry } from "postern/plugin";
import { rangesOf } from "../message-set.ts";
import { Pace } from "../pace.ts";
import { no, ok, type Reply } from "../reply.ts";
import type { ImapSession, Selected, WithSelected } from "../session.ts";
import { parseModseqOrZero } from "../sync/modseq.ts";
import { hasSameFlags } from "../view.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { formatSet, type SequenceSet } from "../wire/sequence-set.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { withUidForm } from "./command.ts";

interface Arguments {
  readonly set: SequenceSet;
  readonly change: FlagChange;
  readonly isSilent: boolean;
}

/** A message as the client knew it. */
interface Known {
  readonly number: number;
  readonly before: MessageEntry;
}

interface Told {
  readonly selected: Selected;
  readonly known: readonly Known[];
  readonly change: FlagChange;
  readonly isUid: boolean;
  /** What a silent client makes of its flags. */
  readonly expected: ReturnType<typeof expectedAfter> | null;
}

const maxFlags = 128;
const maxKnown = 4_096;

function parse(parser: CommandParser): Arguments {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const unchangedSince = parser.peek() === "(" ? parseModifiers(parser) : null;
  const mode = parser.take("+") ? "add" : parser.take("-") ? "remove" : "replace";
  if (!parser.takeWord("FLAGS")) throw new SyntaxFault("Expected FLAGS");
  const isSilent = parser.takeWord(".SILENT");
  parser.space();
  const flags: Flag[] = [];
  const flag = () => {
    const name = parser.flag();
    // RFC 3501 2.3.2: \Recent cannot be altered by the client.
    if (name === "\\Recent") throw new SyntaxFault("\\Recent cannot be changed");
    if (flags.push(name) > maxFlags) throw new SyntaxFault("Too many flags");
  };
  if (parser.peek() === "(") parser.list(flag);
  else {
    // RFC 3501 9: the flags may stand without parentheses.
    flag();
    while (parser.peek() === " ") {
      parser.space();
      flag();
    }
  }
  parser.end();
  return { set, change: { mode, flags, ...(unchangedSince === null ? {} : { unchangedSince }) }, isSilent };
}

/** RFC 4466 2.5, of which there is one modifier: RFC 7162 3.1.3. */
function parseModifiers(parser: CommandParser): number {
  const found = parser.list(() => {
    if (parser.atom().toUpperCase() !== "UNCHANGEDSINCE") throw new SyntaxFault("Unknown modifier");
    parser.space();
    return parseModseqOrZero(parser);
  });
  parser.space();
  const [unchangedSince] = found;
  // RFC 7162 7: a single one.
  if (unchangedSince === undefined || found.length > 1) throw new SyntaxFault("Expected one modifier");
  return unchangedSince;
}

async function storeFlags(
  { session, selected }: WithSelected & { readonly session: ImapSession },
  { set, change, isSilent }: Arguments,
  isUid: boolean,
): Promise<Reply> {
  const { view, mailbox } = selected;
  const ranges = rangesOf(view, set, isUid);
  // RFC 7162 3.1
  if (change.unchangedSince !== undefined) session.enable("CONDSTORE");
  if (mailbox.isReadOnly) return no("Mailbox is read-only", "READ-ONLY");
  const known: Known[] = [];
  let isComplete = true;
  for (const [from, to] of ranges) {
    for (let number = from; number <= to; number++) {
      if (view.isGhost(number)) isComplete = false;
      else known.push({ number, before: view.entry(number) });
    }
  }
  const failed = known.length > 0 ? await storeKnown(selected, known, change) : new Set<number>();
  selected.tellNewKeywords(session.out);
  const expected = isSilent ? expectedAfter(change) : null;
  if (!(await answer(session, { selected, known, expected, change, isUid }))) isComplete = false;
  const unmodified: number[] = [];
  for (const { number, before } of failed.size > 0 ? known : [])
    if (failed.has(before.uid)) unmodified.push(isUid ? before.uid : number);
  // RFC 7162 3.1.3
  const code = unmodified.length > 0 ? (`MODIFIED ${formatSet(unmodified)}` as const) : null;
  // RFC 2180 4.2.1
  if (!isComplete && !isUid) return no("Some of the messages no longer exist", code ?? "EXPUNGEISSUED");
  return code ? ok("Conditional store failed for some", code) : ok("Store completed");
}

/** Answers the UIDs of those that UNCHANGEDSINCE kept from changing. */
async function storeKnown(
  selected: Selected,
  known: readonly Known[],
  change: FlagChange,
): Promise<ReadonlySet<number>> {
  const { mailbox, view } = selected;
  const uids = known.map(({ before }) => before.uid);
  const failed = new Set((await mailbox.store(uids, change)).unchanged);
  await selected.adopt();
  const { unchangedSince } = change;
  if (failed.size === 0 || unchangedSince === undefined || change.mode === "replace") return failed;
  // RFC 7162 3.1.12: only other flags have changed since the client looked, so what it wants makes sense all the same.
  const spurious: number[] = [];
  let since = 0;
  for (const { before } of known) {
    const number = failed.has(before.uid) && before.modseq <= unchangedSince ? view.numberOf(before.uid) : 0;
    if (number === 0) continue;
    const now = view.entry(number);
    if (change.flags.some((flag) => now.flags.has(flag) !== before.flags.has(flag))) continue;
    spurious.push(before.uid);
    since = Math.max(since, now.modseq);
  }
  if (spurious.length === 0) return failed;
  const again = new Set((await mailbox.store(spurious, { ...change, unchangedSince: since })).unchanged);
  await selected.adopt();
  for (const uid of spurious) if (!again.has(uid)) failed.delete(uid);
  return failed;
}

/** The responses, a stretch at a time. Whether all messages are still there. */
async function answer(session: ImapSession, told: Told): Promise<boolean> {
  const { selected, known } = told;
  const { view } = selected;
  const { out } = session;
  const pace = new Pace(session.connection.closed);
  let isComplete = true;
  let count = 0;
  for (const { number, before } of known) {
    if (view.isGhost(number)) {
      isComplete = false;
      continue;
    }
    const entry = view.entry(number);
    view.tellFlags(entry.uid);
    const line = formatStored(told, { number, before, entry });
    if (line !== null) out.line(line);
    const wait = out.flushIfFull() ?? ((++count & 255) === 0 ? pace.breathe() : undefined);
    if (wait) await wait;
  }
  return isComplete;
}

/** The response about one message; `null` where the client knows all it would say. */
function formatStored(
  { selected, expected, change, isUid }: Told,
  { number, before, entry }: Known & { readonly entry: MessageEntry },
): string | null {
  // RFC 3501 6.4.6: .SILENT means that the client works the result out; it must hear what it could not know.
  if (!expected || !hasSameFlags(entry.flags, expected(before.flags)))
    return selected.formatChange(number, entry, { isUid });
  // RFC 7162 3.1.3: the modification sequence is what it could not know.
  if (!selected.isModseqAware || (entry.modseq === before.modseq && change.unchangedSince === undefined)) return null;
  return `* ${number} FETCH (UID ${entry.uid} MODSEQ (${entry.modseq}))`;
}

/** What a client that is not told takes the flags to be. Few sets of flags differ, and messages share them. */
function expectedAfter({ mode, flags: changes }: FlagChange): (flags: ReadonlySet<Flag>) => ReadonlySet<Flag> {
  const known = new Map<ReadonlySet<Flag>, ReadonlySet<Flag>>();
  const after = (flags: ReadonlySet<Flag>): ReadonlySet<Flag> => {
    const result = new Set(mode === "replace" ? [] : flags);
    for (const flag of changes) {
      if (mode === "remove") result.delete(flag);
      else result.add(flag);
    }
    return result;
  };
  return (flags) => {
    const found = known.get(flags) ?? after(flags);
    if (known.size < maxKnown) known.set(flags, found);
    return found;
  };
}

export const [store, uidStore] = withUidForm({ mayExpunge: false, parse, run: storeFlags });
