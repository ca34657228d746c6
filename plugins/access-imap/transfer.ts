/** What COPY and MOVE share. */
import type { CopyResult } from "postern/plugin";
import { canonicalName } from "./mailbox-name.ts";
import { numbersOf } from "./message-set.ts";
import type { Code } from "./reply.ts";
import type { View } from "./view.ts";
import type { CommandParser } from "./wire/command-parser.ts";
import { formatSet, type SequenceSet } from "./wire/sequence-set.ts";

export interface Transfer {
  readonly set: SequenceSet;
  readonly target: string;
}

export function parseTransfer(parser: CommandParser): Transfer {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const target = canonicalName(parser.mailbox());
  parser.end();
  return { set, target };
}

/** `isComplete`: none of the messages named by number is known to be gone. UIDs that are gone are just left out. */
export function transferable(view: View, set: SequenceSet, isUid: boolean): { uids: number[]; isComplete: boolean } {
  const numbers = numbersOf(view, set, isUid);
  const there = numbers.filter((number) => !view.isGhost(number));
  return { uids: there.map((number) => view.entry(number).uid), isComplete: isUid || there.length === numbers.length };
}

/** RFC 4315 3; `null` if nothing was copied. */
export function copyUid({ uidValidity, uids }: CopyResult): Code | null {
  if (uids.length === 0) return null;
  return `COPYUID ${uidValidity} ${formatSet(uids.map(({ from }) => from))} ${formatSet(uids.map(({ to }) => to))}`;
}
