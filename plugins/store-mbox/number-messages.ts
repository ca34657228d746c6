/**
 * Which UIDs the messages of a file have. What stands in X-UID counts if it can be: mail comes in with such fields, too, and other programs
 * put mailboxes together. From the first message without one that can be on, all get new ones, as UIDs ascend with their place.
 */
import type { MboxBase } from "postern/store";

export interface Numbering {
  /** UID of the message in front of them. */
  readonly after: number;
  /** The next UID that we know of. */
  readonly uidNext: number;
  /** What the mailbox says of itself now. */
  readonly base: MboxBase | null;
  /** Whether a message that is known here has this UID: one that comes back under a UID that is gone gets another. `null`: nothing is known. */
  readonly isKnown: ((uid: number) => boolean) | null;
}

export class Numbers {
  readonly #numbering: Numbering;
  readonly #limit: number;
  #last: number;
  #isBroken = false;
  uidNext: number;

  constructor(numbering: Numbering) {
    const { after, uidNext, base } = numbering;
    this.#numbering = numbering;
    this.#last = after;
    // Greater ones come with mail from outside, and would use up all numbers.
    this.#limit = Math.max(uidNext, base ? base.lastUid + 1 : 0);
    this.uidNext = this.#limit;
  }

  /** Of the next message, in which `claimed` stands. */
  next(claimed: number): number {
    const { isKnown, uidNext } = this.#numbering;
    const isPossible =
      claimed > this.#last && claimed < this.#limit && (isKnown === null || claimed >= uidNext || isKnown(claimed));
    this.#isBroken ||= !isPossible;
    this.#last = this.#isBroken ? this.uidNext++ : claimed;
    return this.#last;
  }
}
