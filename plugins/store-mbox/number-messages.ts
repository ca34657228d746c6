/**
 * Which UIDs the messages of a file have. What stands in X-UID counts if it can be: mail comes in with such fields, too, and other programs
 * put mailboxes together. From the first message without one that can be on, all get new ones, as UIDs ascend with their place.
 */
import type { Base } from "./meta-fields.ts";
import type { Scanned } from "./scan.ts";

export interface Numbering {
  /** UID of the message in front of them. */
  readonly after: number;
  /** The next UID that we know of. */
  readonly uidNext: number;
  /** What the mailbox says of itself now. */
  readonly base: Base | null;
  /** UIDs that are known here: a message that comes back under one that is gone gets another. `null`: nothing is known. */
  readonly known: ReadonlySet<number> | null;
}

export interface Numbered {
  readonly scanned: Scanned;
  readonly uid: number;
}

export function numberMessages(
  messages: readonly Scanned[],
  { after, uidNext, base, known }: Numbering,
): { readonly numbered: readonly Numbered[]; readonly uidNext: number } {
  // Greater ones come with mail from outside, and would use up all numbers.
  const limit = Math.max(uidNext, base ? base.lastUid + 1 : 0);
  let next = limit;
  let last = after;
  let isBroken = false;
  const numbered: Numbered[] = [];
  for (const scanned of messages) {
    const { uid } = scanned.facts;
    const isPossible = uid > last && uid < limit && (known === null || known.has(uid) || uid >= uidNext);
    isBroken ||= !isPossible;
    last = isBroken ? next++ : uid;
    numbered.push({ scanned, uid: last });
  }
  return { numbered, uidNext: next };
}
