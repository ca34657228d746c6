/**
 * What one reader of somebody else's mailbox has seen (ADR 14): an immutable value, and the text it is kept as. Each change of it gets a
 * modseq above all that the reader can have been shown, and shifts what the store numbers later by as much, so that to this reader
 * modseqs only ever grow.
 */
import { type Snapshot, StoreError } from "../contracts/mailbox-store.ts";
import { compactRuns, formatRuns, hasUid, joinedRuns, parseRuns, type Runs, runAt, runsWithout } from "./uid-runs.ts";

/** The store's modseqs above `base` are this much higher for the reader. */
interface Shift {
  readonly base: number;
  readonly by: number;
}

interface SeenChange {
  readonly modseq: number;
  readonly uids: Runs;
}

/** In microseconds, as modseqs are: longer than a lock is held, so that no other process shows more before it knows of the change. */
const leap = 2 ** 26;
const maxKept = 128;
const maxModseq = Number.MAX_SAFE_INTEGER - 2 ** 32;

export class SeenState {
  readonly uidValidity: number;
  readonly seen: Runs;
  readonly #shifts: readonly Shift[];
  readonly #changes: readonly SeenChange[];
  /** Of each UID the latest change; made when somebody asks. */
  #latest: readonly (SeenChange["uids"][number] & { readonly modseq: number })[] | null = null;

  private constructor(
    uidValidity: number,
    seen: Runs,
    history: { readonly shifts: readonly Shift[]; readonly changes: readonly SeenChange[] },
  ) {
    this.uidValidity = uidValidity;
    this.seen = seen;
    this.#shifts = history.shifts;
    this.#changes = history.changes;
  }

  static empty(uidValidity: number): SeenState {
    return new SeenState(uidValidity, [], { shifts: [], changes: [] });
  }

  /** Nothing is seen of a mailbox that was numbered anew. `null`: the text is damaged. */
  static parse(text: string, uidValidity: number): SeenState | null {
    if (text === "") return SeenState.empty(uidValidity);
    let seen: Runs = [];
    const shifts: Shift[] = [];
    const changes: SeenChange[] = [];
    const [first = "", ...lines] = text.split("\n");
    const version = /^postern-seen 1 (\d{1,10})$/.exec(first);
    if (!version || lines.at(-2) !== "end") return null;
    if (Number(version[1]) !== uidValidity) return SeenState.empty(uidValidity);
    for (const line of lines.slice(0, -2)) {
      if (line.startsWith("#")) continue;
      const [word, ...values] = line.split(" ");
      const runs = parseRuns(values.at(-1) ?? "");
      const [a, b] = values.map(Number);
      if (word === "seen" && runs) seen = runs;
      else if (word === "changed" && runs && isModseq(a)) changes.push({ modseq: a, uids: runs });
      else if (word === "shift" && isModseq(a) && isModseq(b)) shifts.push({ base: a, by: b });
      else return null;
    }
    return new SeenState(uidValidity, seen, { shifts, changes });
  }

  format(reader: string): string {
    return [
      `postern-seen 1 ${this.uidValidity}`,
      `# ${reader.replace(/\p{Cc}/gu, "?")}`,
      `seen ${formatRuns(this.seen)}`,
      ...this.#shifts.map(({ base, by }) => `shift ${base} ${by}`),
      ...this.#changes.map(({ modseq, uids }) => `changed ${modseq} ${formatRuns(uids)}`),
      "end\n",
    ].join("\n");
  }

  has(uid: number): boolean {
    return hasUid(this.seen, uid);
  }

  /** Greatest value given out by a change of the reader's own. */
  get #own(): number {
    const last = this.#shifts.at(-1);
    return last ? last.base + last.by : 0;
  }

  /** A modseq of the store as the reader knows it. */
  lifted(modseq: number): number {
    for (let at = this.#shifts.length - 1; at >= 0; at--) {
      const shift = this.#shifts[at] as Shift;
      if (shift.base < modseq) return modseq + shift.by;
    }
    return modseq;
  }

  /** The greatest modseq of the store that the reader knows by this one. */
  lowered(modseq: number): number {
    let bound = Number.POSITIVE_INFINITY;
    for (let at = this.#shifts.length - 1; at >= 0; at--) {
      const { base, by } = this.#shifts[at] as Shift;
      if (modseq > base + by) return Math.min(modseq - by, bound);
      bound = base;
    }
    return Math.min(modseq, bound);
  }

  /** Up to where a snapshot of the store shows this reader everything. */
  highestOf({ highestModseq }: Snapshot): number {
    const lifted = this.lifted(highestModseq);
    // What the store has not shown us yet lies below our own changes.
    return highestModseq < (this.#shifts.at(-1)?.base ?? 0) ? lifted : Math.max(lifted, this.#own);
  }

  /** When the reader changed this message last; 0: not within memory. */
  changedAt(uid: number): number {
    this.#latest ??= latestOf(this.#changes);
    const found = this.#latest[runAt(this.#latest, uid)];
    return found && found.first <= uid ? found.modseq : 0;
  }

  /** What the reader changed after a modseq. */
  changedSince(modseq: number): Runs {
    return joinedRuns(...this.#changes.filter((change) => change.modseq > modseq).map(({ uids }) => uids));
  }

  /** With other messages seen, or not seen, as of a snapshot that is up to date. */
  with(uids: Runs, isSeen: boolean, snapshot: Snapshot): SeenState {
    const base = Math.max(snapshot.highestModseq, this.#shifts.at(-1)?.base ?? 0);
    const modseq = Math.max(this.lifted(snapshot.highestModseq), this.#own) + leap;
    if (modseq > maxModseq) throw new StoreError("limit", "Modification sequences are used up");
    const before = this.#shifts.filter((shift) => shift.base < base);
    const seen = isSeen ? joinedRuns(this.seen, uids) : runsWithout(this.seen, uids);
    return new SeenState(this.uidValidity, compactRuns(seen, snapshot), {
      shifts: thinned([...before, { base, by: modseq - base }], (one, next) => ({ base: one.base, by: next.by })),
      changes: thinned([...this.#changes, { modseq, uids }], (one, next) => ({
        modseq: next.modseq,
        uids: compactRuns(joinedRuns(one.uids, next.uids), snapshot),
      })),
    });
  }
}

const isModseq = (value: number | undefined): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** The newer half stays exact; of the older half two become one, by raising: a client may hear something twice. */
function thinned<T>(list: readonly T[], merge: (one: T, next: T) => T): readonly T[] {
  if (list.length <= maxKept) return list;
  const thin: T[] = [];
  for (let at = 0; at + 1 < maxKept / 2; at += 2) thin.push(merge(list[at] as T, list[at + 1] as T));
  return [...thin, ...list.slice(maxKept / 2)];
}

function latestOf(changes: readonly SeenChange[]) {
  let covered: Runs = [];
  const found: { first: number; last: number; modseq: number }[] = [];
  for (const { modseq, uids } of changes.toReversed()) {
    for (const run of runsWithout(uids, covered)) found.push({ ...run, modseq });
    covered = joinedRuns(covered, uids);
  }
  return found.sort((a, b) => a.first - b.first);
}
