/**
 * What has happened to a mailbox since a modification sequence (RFC 7162 3.2.5, 3.2.6): UIDs that have gone, and for SELECT the messages
 * that have changed. As of the snapshot that the client sees.
 */
import type { MailboxChanges, UidRange } from "postern/plugin";
import type { ImapSession, Selected } from "../session.ts";
import type { View } from "../view.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import type { Writer } from "../wire/writer.ts";
import type { Qresync } from "./select-parameters.ts";
import { commonRanges, formatRanges, rangesWithout } from "./uid-ranges.ts";

/** Ranges in one response: a line that a client can hold. */
const rangesInLine = 1000;

/** RFC 7162 3.2.5: after all that SELECT says anyway. */
export async function resync(session: ImapSession, selected: Selected, known: Qresync): Promise<void> {
  const { mailbox, view } = selected;
  // RFC 7162 3.2.5: what the client knows is another mailbox; it sees that by our UIDVALIDITY.
  if (known.uidValidity !== mailbox.uidValidity) return;
  const changes = await mailbox.changesSince(known.modseq);
  const last = view.snapshot.uidNext - 1;
  const asked = known.knownUids ? rangesOfUids(known.knownUids, last) : [{ first: 1, last }];
  const matched = known.match ? lastMatch(view, known.match) : 0;
  // RFC 7162 3.2.5.2: where number and UID still go together, nothing before them has gone.
  const unsure = commonRanges(asked, [{ first: matched + 1, last: Math.max(last, matched + 1) }]);
  await tellVanished(session.out, commonRanges(changes.vanished, unsure));
  await tellChanged(session, selected, { changes, asked });
}

async function tellChanged(
  { out }: ImapSession,
  selected: Selected,
  { changes, asked }: { readonly changes: MailboxChanges; readonly asked: readonly UidRange[] },
): Promise<void> {
  const { view } = selected;
  let at = 0;
  for (const uid of changes.changed) {
    while (at < asked.length && (asked[at] as UidRange).last < uid) at++;
    const range = asked[at];
    if (!range) return;
    const number = uid >= range.first ? view.numberOf(uid) : 0;
    if (number === 0) continue;
    // RFC 7162 3.2.5.1: FETCH responses that have the UID.
    out.line(selected.formatChange(number, view.entry(number)));
    const wait = out.flushIfFull();
    if (wait) await wait;
  }
}

/** RFC 7162 3.2.6: which UIDs of the set have gone since then. Those that the client still has a number for are not among them: they follow. */
export async function tellVanishedSince(
  { out }: ImapSession,
  { mailbox, view }: Selected,
  { set, modseq }: { readonly set: SequenceSet; readonly modseq: number },
): Promise<void> {
  const { vanished } = await mailbox.changesSince(modseq);
  const asked = set.isSaved ? view.saved.map(asRange) : rangesOfUids(set, view.snapshot.uidNext - 1);
  await tellVanished(out, rangesWithout(commonRanges(vanished, asked), view.ghostUids));
}

async function tellVanished(out: Writer, ranges: readonly UidRange[]): Promise<void> {
  for (let from = 0; from < ranges.length; from += rangesInLine) {
    out.line(`* VANISHED (EARLIER) ${formatRanges(ranges.slice(from, from + rangesInLine))}`);
    const wait = out.flushIfFull();
    if (wait) await wait;
  }
}

const asRange = ([first, last]: readonly [number, number]): UidRange => ({ first, last });
const rangesOfUids = (set: SequenceSet, last: number): UidRange[] => set.resolve(last).map(asRange);

/** The UID of the last pair that is as the client says, before the first that is not; 0 if there is none. */
function lastMatch(view: View, { numbers, uids }: NonNullable<Qresync["match"]>): number {
  const theirs = each(uids);
  let last = 0;
  for (const number of each(numbers)) {
    const uid = theirs.next().value;
    if (uid === undefined || number > view.exists || view.entry(number).uid !== uid) break;
    last = uid;
  }
  return last;
}

function* each(set: SequenceSet): Generator<number, undefined> {
  for (const [from, to] of set.resolve(0)) for (let number = from; number <= to; number++) yield number;
}
