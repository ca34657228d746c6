/**
 * What a folder knows of its directories: the times that they had at the last listing, and whether a change could hide behind them. A
 * file system counts time in ticks, so a listing settles only some time after the last change.
 */
import { storeError } from "postern/store";
import { cursorOf } from "./folder-index.ts";
import { type DirectoryTimes, isSameTimes, type Scan, settledAtMs, timesOf } from "./scan.ts";

/** After changes of our own, others' changes in the same moment may be hidden: look once more after this time. */
const RECHECK_MS = 1_000;
/** ... but spend no more than a small part of the time on listing large mailboxes. */
const RECHECK_SHARE = 20;
const UNKNOWN: DirectoryTimes = { newNs: -1n, curNs: -1n };

export class KnownDisk {
  readonly #path: string;
  #times: DirectoryTimes | null = null;
  #listedMs = 0;
  #scanTookMs = 0;
  /** When to compare again although the times do not ask for it; 0 is never. */
  #recheckMs = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the folder has been compared with the disk, or begun with what the index knows. */
  get isBegun(): boolean {
    return this.#times !== null;
  }

  /** Whether there are times that the disk could be compared with. */
  get isKnown(): boolean {
    return this.#times !== null && this.#times.newNs >= 0n;
  }

  /** Whether the disk may be another than it is known to be. */
  isDue(times: DirectoryTimes): boolean {
    if (!this.#times || !isSameTimes(times, this.#times)) return true;
    // A change in the same tick as the listing would not show.
    if (this.#listedMs <= settledAtMs(this.#times)) return true;
    return this.#recheckMs > 0 && Date.now() >= this.#recheckMs;
  }

  /** Whether the folder holds exactly what is in cur/ at these times. */
  knowsCur(times: DirectoryTimes): boolean {
    return this.#times?.curNs === times.curNs && this.#listedMs > settledAtMs(times) && this.#recheckMs === 0;
  }

  /** Whether changes of others may stand behind those of our own unseen. */
  get mayHide(): boolean {
    return this.#recheckMs > 0;
  }

  /** Other directories than those that were listed, or not listed since changes of our own. */
  isBehind(times: DirectoryTimes): boolean {
    return this.#times !== null && this.#recheckMs === 0 && !isSameTimes(times, this.#times);
  }

  /** What is known came from the index: the disk is compared next. */
  begin(): void {
    this.#times = UNKNOWN;
  }

  forget(): void {
    this.#times = null;
  }

  /** The next comparison looks at the directories whatever their times say. */
  distrust(): void {
    this.#times &&= UNKNOWN;
  }

  listed({ times, startedMs, tookMs }: Scan): void {
    this.#times = times;
    this.#listedMs = startedMs;
    this.#scanTookMs = tookMs;
    this.#recheckMs = 0;
  }

  /** Another process has listed them. */
  vouched(times: DirectoryTimes): void {
    this.#times = times;
    this.#listedMs = settledAtMs(times) + 1;
    this.#recheckMs = 0;
  }

  /** For the index; empty where something may be hidden behind the times. */
  cursor(words: readonly (string | null)[]): string {
    const times = this.#times;
    const isSettled = times !== null && this.#recheckMs === 0 && this.#listedMs > settledAtMs(times);
    return isSettled ? cursorOf(this.#path, times, words) : "";
  }

  /**
   * Runs changes of our own in the directories, without a pause. If nobody else had changed them before, the new times are
   * taken as known, so one flag does not cost a listing; as somebody may be hidden behind us, a comparison follows later.
   */
  own<T>(work: () => T): T {
    const before = this.isKnown ? timesOf(this.#path) : null;
    const isClean = before !== null && this.#times !== null && isSameTimes(before, this.#times);
    try {
      return work();
    } catch (cause) {
      this.distrust();
      throw storeError(cause);
    } finally {
      const after = isClean ? timesOf(this.#path) : null;
      if (after && this.#times && this.isKnown && !isSameTimes(after, this.#times)) {
        this.#times = after;
        const nowMs = Date.now();
        this.#listedMs = Math.max(nowMs, settledAtMs(after) + 1);
        this.#recheckMs ||= nowMs + Math.max(RECHECK_MS, this.#scanTookMs * RECHECK_SHARE);
      }
    }
  }
}
