/** Files that were taken and are put off: how often they were tried, and when they are due. Bounded, for each user and in all. */
import type { Clock } from "../contracts/clock.ts";

export interface TakenFile {
  readonly name: string;
  /** `null`: an earlier process took it. */
  readonly uid: number | null;
  /** The sender has been told of those who are refused for good. */
  readonly isTold: boolean;
  /** The queue has it: nothing is left to do but to remove the file. */
  readonly isQueued: boolean;
}

interface Entry {
  readonly file: TakenFile;
  readonly dueAt: number;
}

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 10 * 60_000;
const LIMIT_PER_USER = 100;
const LIMIT = 5_000;

export class Waiting {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #tries = new Map<string, number>();
  readonly #byUser = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing more of this user is to be taken for now. */
  isFull(uid: number): boolean {
    return this.#entries.size >= LIMIT || (this.#byUser.get(uid) ?? 0) >= LIMIT_PER_USER;
  }

  add(file: TakenFile, dueAt: number): void {
    this.#entries.set(file.name, { file, dueAt });
    if (file.uid !== null) this.#byUser.set(file.uid, (this.#byUser.get(file.uid) ?? 0) + 1);
  }

  /** The pause grows from try to try. */
  putOff(file: TakenFile): void {
    const stem = stemOf(file);
    const tries = (this.#tries.get(stem) ?? 0) + 1;
    this.#tries.set(stem, tries);
    this.add(file, this.#clock.now() + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)));
  }

  takeDue(): readonly TakenFile[] {
    const nowMs = this.#clock.now();
    const due = [...this.#entries.values()].filter(({ dueAt }) => dueAt <= nowMs).map(({ file }) => file);
    for (const { name, uid } of due) {
      this.#entries.delete(name);
      const count = uid === null ? 0 : (this.#byUser.get(uid) ?? 0) - 1;
      if (uid !== null && count > 0) this.#byUser.set(uid, count);
      else if (uid !== null) this.#byUser.delete(uid);
    }
    // What has not come back by the next time is done.
    const kept = new Set([...this.#entries.values(), ...due.map((file) => ({ file }))].map(({ file }) => stemOf(file)));
    for (const stem of this.#tries.keys()) if (!kept.has(stem)) this.#tries.delete(stem);
    return due;
  }

  /** Infinite: nothing waits. */
  nextInMs(): number {
    const nowMs = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#entries.values()) next = Math.min(next, Math.max(0, dueAt - nowMs));
    return next;
  }
}

const stemOf = ({ name }: TakenFile): string => name.split("+")[0] ?? name;
