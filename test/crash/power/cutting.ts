/**
 * Power cuts: takes a recording, and for its moments the states that a disk may be in afterwards; puts each on a real file system and
 * asks whether the promises hold. A failure is shrunk and told in words; its directory is kept.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random, seedOf } from "../../fuzz/random.ts";
import { momentOf, stateAfter } from "./crash-state.ts";
import { type Fates, fatesFor, type HowMany, shrunk } from "./fates.ts";
import { materialize } from "./image.ts";
import type { Recording } from "./recording.ts";

/** One run of a workload, recorded. */
export interface Run {
  readonly recording: Recording;
  /** What is wrong with a directory after a cut at that moment; `null`: nothing. Leaves nothing open. */
  readonly check: (directory: string, at: number, random: Random) => Promise<string | null>;
}

export interface Workload {
  readonly name: string;
  readonly record: (directory: string, random: Random) => Promise<Run>;
}

export interface CutReport {
  readonly operations: number;
  readonly moments: number;
  readonly states: number;
}

export interface CutOptions extends HowMany {
  readonly seed: number;
  /** Of the moments, this share is looked at; 1: all. */
  readonly share: number;
  /** Does not keep the directory of a failure. */
  readonly isForgetful?: boolean;
}

/** Memory, where there is some: states are many and small. */
const fastest = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const sideBySide = 4;

export async function cutPower(workload: Workload, options: CutOptions): Promise<CutReport> {
  const scratch = mkdtempSync(join(fastest, "postern-power-"));
  try {
    const random = new Random(options.seed);
    const run = await workload.record(join(scratch, "recorded"), random);
    const moments = Array.from({ length: run.recording.now }, (_, index) => index + 1).filter(
      () => options.share >= 1 || random.chance(options.share),
    );
    let states = 0;
    const waiting = moments.values();
    let failure: Error | null = null;
    const lane = async (name: string): Promise<void> => {
      for (const at of waiting) {
        const draw = new Random(seedOf(options.seed, at));
        const moment = momentOf(run.recording, at);
        for (const fates of fatesFor(run.recording, moment, options, draw)) {
          if (failure) return;
          states += 1;
          const seed = draw.below(2 ** 31);
          const fails = async (tried: Fates): Promise<string | null> => {
            const directory = join(scratch, name);
            rmSync(directory, { recursive: true, force: true });
            materialize(stateAfter(run.recording, moment, tried), directory);
            return run.check(directory, at, new Random(seed));
          };
          if ((await fails(fates)) === null) continue;
          const smallest = await shrunk(fates, async (tried) => (await fails(tried)) !== null);
          const complaint = await fails(smallest);
          failure ??= new Error(report(workload, options, { run, at, fates: smallest, scratch }, complaint ?? ""));
        }
      }
    };
    await Promise.all(Array.from({ length: sideBySide }, (_, index) => lane(`state${index}`)));
    if (failure) throw failure;
    return { operations: run.recording.operations.length, moments: moments.length, states };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Failing {
  readonly run: Run;
  readonly at: number;
  readonly fates: Fates;
  readonly scratch: string;
}

const shownBefore = 25;

function report(
  { name }: Workload,
  { seed, isForgetful }: CutOptions,
  { run, at, fates, scratch }: Failing,
  complaint: string,
): string {
  const { recording } = run;
  const moment = momentOf(recording, at);
  const open = new Set(moment.open);
  const from = Math.max(0, moment.begun.length - shownBefore);
  const lines = moment.begun.flatMap((index, place) => {
    const operation = recording.operations[index];
    const fate = fates.get(index);
    const isOdd = open.has(index) && fate?.is !== "kept";
    if (!operation || (place < from && !isOdd)) return [];
    const state = !open.has(index) ? "on disk" : fate?.is === "torn" ? fate.text : `not flushed: ${fate?.is ?? "lost"}`;
    const end = operation.ended > at ? " (under way)" : operation.result === "unknown" ? " (failed)" : "";
    return `  ${isOdd ? ">" : " "} ${operation.begun}: ${operation.text}${end} - ${state}`;
  });
  const told = [`${name}, SEED=${seed}, cut at ${at}: ${complaint}`, ...lines];
  if (isForgetful) return told.join("\n");
  const keptAt = mkdtempSync(join(tmpdir(), "postern-power-failed-"));
  materialize(stateAfter(recording, moment, fates), join(keptAt, "state"));
  cpSync(join(scratch, "recorded"), join(keptAt, "recorded"), { recursive: true });
  return [...told, `  the state is in ${keptAt}`].join("\n");
}
