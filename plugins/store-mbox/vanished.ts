/** Which UIDs have gone, change by change, as far back as is remembered: for the change feed (RFC 7162). */
import type { UidRange } from "postern/plugin";

const MAX_CHANGES = 2_000;

interface Gone {
  readonly modseq: number;
  readonly uids: readonly number[];
}

export class Vanished {
  #gone: Gone[] = [];
  /** Everything later than this is remembered. */
  #from: number;

  constructor(from: number) {
    this.#from = from;
  }

  add(modseq: number, uids: readonly number[]): void {
    if (uids.length === 0) return;
    this.#gone.push({ modseq, uids });
    if (this.#gone.length <= MAX_CHANGES) return;
    const dropped = this.#gone.splice(0, MAX_CHANGES / 2);
    this.#from = dropped.at(-1)?.modseq ?? this.#from;
  }

  /** `null` where that is not remembered any more. */
  between(since: number, until: number): readonly UidRange[] | null {
    if (since < this.#from) return null;
    const uids = this.#gone.filter(({ modseq }) => modseq > since && modseq <= until).flatMap((gone) => gone.uids);
    const ranges: { first: number; last: number }[] = [];
    for (const uid of [...new Set(uids)].sort((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last?.last === uid - 1) last.last = uid;
      else ranges.push({ first: uid, last: uid });
    }
    return ranges;
  }
}
