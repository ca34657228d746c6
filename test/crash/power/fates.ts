/**
 * Which states to try for a moment: every subset of the open operations where they are few; beyond, all, none, each one alone and each
 * one left out, and random subsets; for writes, random halves: sectors of 512 bytes, a beginning only, a size only.
 */
import type { Random } from "../../fuzz/random.ts";
import { type Fate, kept, lost, type Moment, sizeOnly } from "./crash-state.ts";
import type { Recording } from "./recording.ts";

export type Fates = ReadonlyMap<number, Fate>;

export interface HowMany {
  /** Up to so many open operations, every subset. */
  readonly exhaustive: number;
  /** Random states for each moment, on top. */
  readonly samples: number;
}

export function* fatesFor(recording: Recording, moment: Moment, howMany: HowMany, random: Random): Generator<Fates> {
  const { open } = moment;
  const all = (fate: (index: number, place: number) => Fate): Fates =>
    new Map(open.map((index, place) => [index, fate(index, place)]));
  if (open.length <= howMany.exhaustive) {
    for (let subset = 0; subset < 2 ** open.length; subset += 1)
      yield all((_, place) => ((subset >> place) & 1 ? kept : lost));
  } else {
    yield all(() => kept);
    yield all(() => lost);
    for (const one of open) yield all((index) => (index === one ? lost : kept));
    for (const one of open) yield all((index) => (index === one ? kept : lost));
  }
  if (open.length === 0) return;
  for (let sample = 0; sample < howMany.samples; sample += 1) {
    const keeping = random.next();
    yield all((index) => {
      const isWrite = recording.operations[index]?.effect.is === "write";
      if (isWrite && random.chance(0.5)) return tornFate(random);
      return random.chance(keeping) ? kept : lost;
    });
  }
}

function tornFate(random: Random): Fate {
  const manner = random.below(4);
  if (manner === 0) return sizeOnly;
  const seed = random.below(2 ** 30);
  if (manner === 1) {
    const sectors = random.below(12);
    let first: number | null = null;
    return {
      is: "torn",
      text: `the first ${sectors} sectors only`,
      hasSector: (sector) => {
        first = first === null || sector < first ? sector : first;
        return sector < first + sectors;
      },
    };
  }
  // A sector is there or not by itself; the answer is the same whenever it is asked for.
  return {
    is: "torn",
    text: `sectors at random (${seed})`,
    hasSector: (sector) => (Math.imul(sector + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b)) >>> 31 === 1,
  };
}

/** Makes it as ordinary as it can be while it still fails: as much as possible on disk, as little as possible torn. */
export async function shrunk(fates: Fates, fails: (fates: Fates) => Promise<boolean>): Promise<Fates> {
  let best = new Map(fates);
  const attempt = async (index: number, fate: Fate): Promise<boolean> => {
    const changed = new Map(best).set(index, fate);
    if (!(await fails(changed))) return false;
    best = changed;
    return true;
  };
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const [index, fate] of [...best]) {
      if (fate.is === "kept") continue;
      if (await attempt(index, kept)) isSmaller = true;
      else if (fate.is !== "lost" && (await attempt(index, lost))) isSmaller = true;
    }
  }
  return best;
}
