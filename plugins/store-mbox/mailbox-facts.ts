/** What outlives the index of one mailbox, as this process has it: its id and UIDVALIDITY, bounds of UIDs and modseqs. */
import { attempt } from "postern/store";
import { type Kept, newMailboxId, readKept, writeKept } from "./beside.ts";

/** Modseqs are reserved for so many microseconds. */
const RESERVE = 3_600_000_000;
/** So many UIDs are lost when the index of an empty mailbox is. */
const UIDS_AHEAD = 100;

export class MailboxFacts {
  readonly #directory: string;
  #kept: Kept | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What others have written meanwhile counts, too. */
  read(): void {
    const before = this.#kept;
    const now = readKept(this.#directory) ?? before;
    if (!now || now.id !== before?.id) this.#kept = now;
    else
      this.#kept = { ...now, uidNext: Math.max(now.uidNext, before.uidNext), floor: Math.max(now.floor, before.floor) };
  }

  get id(): string {
    return this.#kept?.id ?? "";
  }

  get uidValidity(): number {
    return this.#kept?.uidValidity ?? 0;
  }

  /** Above all UIDs that were given out. */
  get uidNext(): number {
    return this.#kept?.uidNext ?? 1;
  }

  /** Above all modseqs that were given out. */
  get floor(): number {
    return this.#kept?.floor ?? 0;
  }

  /** What must be passed where `last` was given out last. A bound far beyond says that somebody has numbered who did not tell. */
  above(last: number): number {
    return last > 1 && this.floor <= last + RESERVE ? last : Math.max(last, this.floor);
  }

  /** A mailbox under another UIDVALIDITY is another mailbox. */
  begin(uidValidity: number, uidNext = 1): void {
    this.#keep({ id: newMailboxId(), uidValidity, uidNext, floor: this.floor });
  }

  raiseFloor(modseq: number): void {
    if (this.#kept && modseq >= this.#kept.floor) this.#keep({ ...this.#kept, floor: modseq + RESERVE });
  }

  raiseUids(uidNext: number): void {
    if (this.#kept && uidNext > this.#kept.uidNext) this.#keep({ ...this.#kept, uidNext: uidNext + UIDS_AHEAD });
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    // Where nothing can be written it has to do as it is.
    attempt(() => writeKept(this.#directory, kept));
  }
}
